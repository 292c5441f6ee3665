module understudy/fallover

go 1.19
