//! Until when a certificate is good: the one thing of it that outlives its handshake.
//!
//! Enters: certificates in DER that the verifier has accepted. Leaves: a time. Never: decides whether one is good.

use std::time::{Duration, SystemTime};

use rustls::{
    pki_types::{CertificateDer, UnixTime},
    server::danger::ClientCertVerifier,
};

/// The first moment at which the verifier refuses a chain that it accepts now; `None`: it doesn't, or can't be read.
/// `chain`: the client's own certificate first.
pub fn end(verifier: &dyn ClientCertVerifier, chain: &[CertificateDer<'_>], now: SystemTime) -> Option<SystemTime> {
    let (own, others) = chain.split_first()?;
    let is_good = |at_s: u64| {
        let at = UnixTime::since_unix_epoch(Duration::from_secs(at_s));
        verifier.verify_client_cert(own, others, at).is_ok()
    };
    let now_s = now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    if !is_good(now_s) {
        return None;
    }
    // A certificate is good through the whole second that it names.
    let mut ends_s: Vec<u64> = chain.iter().map(|one| not_after_s(one).map(|last| last + 1)).collect::<Option<_>>()?;
    ends_s.retain(|end_s| *end_s > now_s);
    ends_s.sort_unstable();
    // One that was sent along without need may end without an effect.
    let end_s = ends_s.into_iter().find(|end_s| !is_good(*end_s))?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(end_s))
}

/// `notAfter`, in seconds since 1970-01-01 UTC (RFC 5280 §4.1).
fn not_after_s(certificate: &[u8]) -> Option<u64> {
    const SEQUENCE: u8 = 0x30;
    const VERSION: u8 = 0xa0;
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        (_, rest) = element(rest, VERSION)?;
    }
    // Serial number, algorithm, issuer.
    for tag in [0x02, SEQUENCE, SEQUENCE] {
        (_, rest) = element(rest, tag)?;
    }
    let (validity, _) = element(rest, SEQUENCE)?;
    let (_, not_after) = any(validity)?;
    let (tag, digits, _) = split(not_after)?;
    seconds(tag, digits)
}

/// Content of the first element, which has this tag, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    split(bytes).filter(|(found, ..)| *found == tag).map(|(_, content, rest)| (content, rest))
}

fn any(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    split(bytes).map(|(_, content, rest)| (content, rest))
}

/// Tag, content and rest of DER with short tags.
fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// UTCTime or GeneralizedTime, both to the second and in UTC.
fn seconds(tag: u8, text: &[u8]) -> Option<u64> {
    let digits = text.strip_suffix(b"Z")?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |digits: &[u8]| digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    let (year, rest) = match (tag, digits.len()) {
        (0x17, 12) => {
            let (year, rest) = digits.split_at(2);
            let year = number(year);
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        (0x18, 14) => (number(digits.get(..4)?), digits.get(4..)?),
        _ => return None,
    };
    let mut parts = rest.chunks(2).map(number);
    let (month, day) = (parts.next()?, parts.next()?);
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    // Days since 1970, with years that begin in March so that the leap day is their last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day;
    let days = days.checked_sub(719_469)?;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_time() {
        assert_eq!(seconds(0x17, b"700101000000Z"), Some(0));
        assert_eq!(seconds(0x17, b"491231235959Z"), Some(2_524_607_999));
        assert_eq!(seconds(0x17, b"240229120000Z"), Some(1_709_208_000));
        assert_eq!(seconds(0x18, b"20500101000000Z"), Some(2_524_608_000));
        assert_eq!(seconds(0x18, b"99991231235959Z"), Some(253_402_300_799));
        for (tag, bad) in [(0x17, &b"240229120000"[..]), (0x17, b"2402291200Z"), (0x18, b"2024022912000xZ"), (2, b"Z")]
        {
            assert_eq!(seconds(tag, bad), None, "{bad:?}");
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        for bad in
            [&b""[..], b"\x30", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"\x30\x02\x30\x00", b"\x30\x03\x30\x01\xa0"]
        {
            assert_eq!(not_after_s(bad), None, "{bad:?}");
        }
    }
}
