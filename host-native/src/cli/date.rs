//! A point in time as people read it.

/// `2026-11-30 23:17:30 UTC, 3 hours ago`; both in milliseconds since 1970-01-01 UTC.
pub fn told(at_ms: u64, now_ms: u64) -> String {
    let seconds = at_ms / 1_000;
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let age_s = now_ms.saturating_sub(at_ms) / 1_000;
    let (number, unit) = match age_s {
        0..60 => (age_s, "second"),
        60..3_600 => (age_s / 60, "minute"),
        3_600..172_800 => (age_s / 3_600, "hour"),
        _ => (age_s / 86_400, "day"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC, {number} {unit}{plural} ago")
}

/// Year, month and day of a number of days since 1970-01-01.
/// Source: the civil calendar counted in eras of 400 years from 1 March (Hinnant 2013).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn a_time_is_told_with_its_age() {
        assert_eq!(told(0, 86_400_000 * 3), "1970-01-01 00:00:00 UTC, 3 days ago");
        assert_eq!(told(951_827_696_000, 951_827_696_000), "2000-02-29 12:34:56 UTC, 0 seconds ago");
        assert_eq!(told(1_796_080_650_998, 1_796_080_650_998 + 3_600_000), "2026-11-30 23:17:30 UTC, 1 hour ago");
    }
}
