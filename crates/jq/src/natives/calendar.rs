//! The calendar: seconds since 1970 and dates in UTC, by arithmetic alone.

/// A time in its parts. Months and days of the year count from 0, days of the month from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Time {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: f64,
    /// From Sunday.
    pub(super) weekday: i64,
    pub(super) yearday: i64,
}

const DAY: i64 = 86_400;

/// Years beyond which there are no dates here.
pub(super) const YEARS: i64 = 1_000_000;

pub(super) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Time {
    /// The time so many seconds after the start of 1970.
    pub(super) fn from_seconds(seconds: f64) -> Option<Self> {
        let whole = seconds.floor();
        if whole.is_nan() || whole.abs() > (YEARS * 366 * DAY) as f64 {
            return None;
        }
        let fraction = seconds - whole;
        let whole = whole as i64;
        let days = whole.div_euclid(DAY);
        let rest = whole.rem_euclid(DAY);
        let (year, month, day) = date(days);
        let mut time = Self {
            year,
            month,
            day,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: (rest % 60) as f64 + fraction,
            weekday: 0,
            yearday: 0,
        };
        time.find_days();
        Some(time)
    }

    /// Seconds since the start of 1970. Parts beyond their range carry over.
    pub(super) fn seconds(&self) -> i64 {
        let months = self.year * 12 + self.month;
        let days = days(months.div_euclid(12), months.rem_euclid(12), 1) + self.day - 1;
        days * DAY + self.hour * 3600 + self.minute * 60 + self.second.floor() as i64
    }

    /// Sets the day of the week and of the year from the date.
    pub(super) fn find_days(&mut self) {
        let days_since = days(self.year, self.month, self.day);
        self.weekday = (days_since + 4).rem_euclid(7);
        self.yearday = days_since - days(self.year, 0, 1);
    }

    /// The year and the week of ISO 8601.
    pub(super) fn iso_week(&self) -> (i64, i64) {
        let weekday = (self.weekday + 6).rem_euclid(7);
        let thursday = days(self.year, self.month, self.day) - weekday + 3;
        let (year, ..) = date(thursday);
        (year, (thursday - days(year, 0, 1)) / 7 + 1)
    }
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days before each month of a year that is none of 366 days.
const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// Days from the start of 1970 to a date, whose month is from 0 to 11.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let leaps = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    let leap_day = i64::from(month > 1 && is_leap(year));
    let month = BEFORE[usize::try_from(month.rem_euclid(12)).unwrap_or(0)];
    // 1970 began 719,162 days after the start of the year 1.
    before * 365 + leaps + month + leap_day + day - 1 - 719_162
}

/// The date so many days after the start of 1970.
fn date(since: i64) -> (i64, i64, i64) {
    let mut year = 1970 + since.div_euclid(365);
    // The guess is late by the leap days since 1970, or early by those before.
    while days(year, 0, 1) > since {
        year -= ((days(year, 0, 1) - since) / 366).max(1);
    }
    while days(year + 1, 0, 1) <= since {
        year += 1;
    }
    let yearday = since - days(year, 0, 1);
    let month = (0..12).rev().find(|month| days(year, *month, 1) <= since).unwrap_or(0);
    (year, month, yearday - (days(year, month, 1) - days(year, 0, 1)) + 1)
}
