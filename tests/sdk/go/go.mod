module understudy/fallover

go 1.21
