//! One value: its text, what it means, and the one line that tells what is wrong with it.

use std::{fmt, str::FromStr, time::Duration};

use crate::{
    guest::limits::{HEAP_BYTES_MIN, HEAP_BYTES_SET_MAX},
    http::cors::{ORIGINS_MAX, Origins},
};

/// What can't be used: a line for people of each variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub(super) Vec<String>);

impl ConfigError {
    /// One line.
    pub(super) fn new(line: impl Into<String>) -> Self {
        ConfigError(vec![line.into()])
    }

    /// A line of each.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

impl From<String> for ConfigError {
    fn from(line: String) -> Self {
        ConfigError(vec![line])
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

/// Everything that is wrong, gathered while the rest is read: whoever starts a process fixes it in one go.
#[derive(Debug, Default)]
pub struct Wrong(Vec<String>);

impl Wrong {
    /// The value, or the default of its type in the place of one that is wrong.
    pub fn take<T: Default>(&mut self, read: Result<T, ConfigError>) -> T {
        read.unwrap_or_else(|error| {
            self.0.extend(error.0);
            T::default()
        })
    }

    /// Is nothing wrong?
    pub fn into_result(self) -> Result<(), ConfigError> {
        if self.0.is_empty() { Ok(()) } else { Err(ConfigError(self.0)) }
    }
}

impl std::error::Error for ConfigError {}

/// A value without the space around it; an empty one counts as unset.
pub fn set(value: Option<String>) -> Option<String> {
    value.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A value that is not allowed.
pub fn refused(variable: &str, value: &str, allowed: &str) -> ConfigError {
    ConfigError::new(format!("{variable} is `{}`: must be {allowed}", value.escape_debug()))
}

/// A value that there has to be.
pub fn required(variable: &str, value: Option<String>, what: &str) -> Result<String, ConfigError> {
    set(value).ok_or_else(|| {
        let flag = variable.trim_start_matches("OSO_").to_ascii_lowercase().replace('_', "-");
        ConfigError::new(format!("{variable} is not set: set it (or --{flag}) to {what}"))
    })
}

/// A name of letters, digits and what is allowed `also`.
pub fn name(variable: &str, value: String, also: &str) -> Result<String, ConfigError> {
    let fits = value.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c));
    let dots = value.chars().all(|c| c == '.');
    if fits && !dots && value.len() <= 128 {
        return Ok(value);
    }
    Err(refused(variable, &value, &format!("up to 128 of a-z, A-Z, 0-9 and {also}")))
}

/// A value that `parse` reads; it is one of what is `allowed`.
pub fn read<T>(
    variable: &str,
    value: Option<String>,
    allowed: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, ConfigError> {
    match set(value) {
        None => Ok(None),
        Some(text) => parse(&text).map(Some).ok_or_else(|| refused(variable, &text, allowed)),
    }
}

/// A port.
pub fn port(variable: &str, value: Option<String>) -> Result<Option<u16>, ConfigError> {
    read(variable, value, "a port from 0 to 65535", |text| text.parse().ok())
}

/// True or false; unset is false.
pub fn truth(variable: &str, value: Option<String>) -> Result<bool, ConfigError> {
    truth_or(variable, value, false)
}

/// True or false; unset is what is given.
pub fn truth_or(variable: &str, value: Option<String>, unset: bool) -> Result<bool, ConfigError> {
    let truth = read(variable, value, "true or false", |text| match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    })?;
    Ok(truth.unwrap_or(unset))
}

/// An address to ask, without a slash at the end.
pub fn upstream_url(text: &str) -> Result<String, ConfigError> {
    let allowed = "an http:// or https:// address, as https://api.osohq.com";
    // What stands before an @ may be a secret and is not repeated.
    if text.contains('@') {
        return Err(ConfigError::new(
            "OSO_URL has a user or password in it (value not shown): must be ".to_owned() + allowed,
        ));
    }
    match reqwest::Url::from_str(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none() => {
            Ok(url.as_str().trim_end_matches('/').to_owned())
        }
        _ => Err(refused("OSO_URL", text, allowed)),
    }
}

/// `500ms`, `1s`, `30m`, `2h`: a whole number and its unit.
pub fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text.get(..digits)?.parse().ok()?;
    let unit_ms = match text.get(digits..)? {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(unit_ms).map(Duration::from_millis)
}

/// `64MiB`, `1GiB`, `500000`: a whole number of bytes, or of the unit behind it.
pub fn bytes(text: &str) -> Option<usize> {
    let unit = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    let factor: usize = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(factor)
}

/// Origins of web pages.
pub fn cors_origins(value: Option<String>) -> Result<Option<Origins>, ConfigError> {
    let allowed = format!("* or up to {ORIGINS_MAX} origins as https://app.example, with commas between them");
    read("OSO_CORS_ORIGINS", value, &allowed, Origins::parse)
}

/// Memory of an instance, in bytes.
pub fn instance_memory(value: Option<String>) -> Result<Option<usize>, ConfigError> {
    let allowed = HEAP_BYTES_MIN..=HEAP_BYTES_SET_MAX;
    read("OSO_INSTANCE_MEMORY", value, "from 64MiB to 3GiB", |text| bytes(text).filter(|bytes| allowed.contains(bytes)))
}
