//! Parts of a file: `Range: bytes=a-b`.

use std::ops::Range;

/// What a request asks of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// These bytes.
    Bytes(Range<u64>),
    /// Bytes it does not have.
    Beyond,
}

/// Reads a `Range` header for a file of a size. Several ranges at once, other units and
/// malformed ones ask for the whole, as RFC 9110 (section 14.2) allows.
pub(crate) fn part(header: Option<&str>, size: u64) -> Part {
    let Some(spec) = header.and_then(|text| text.strip_prefix("bytes=")) else {
        return Part::Whole;
    };
    let Some((first, last)) = spec.split_once('-') else {
        return Part::Whole;
    };
    let number = |text: &str| text.trim().parse::<u64>();
    let range = match (number(first), number(last)) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.trim().is_empty() => first..size,
        (Err(_), Ok(length)) if first.trim().is_empty() => size.saturating_sub(length)..size,
        _ => return Part::Whole,
    };
    if range.start >= range.end {
        Part::Beyond
    } else {
        Part::Bytes(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        assert_eq!(part(None, 10), Part::Whole);
        assert_eq!(part(Some("bytes=0-3"), 10), Part::Bytes(0..4));
        assert_eq!(part(Some("bytes=4-"), 10), Part::Bytes(4..10));
        assert_eq!(part(Some("bytes=-3"), 10), Part::Bytes(7..10));
        assert_eq!(part(Some("bytes=-30"), 10), Part::Bytes(0..10));
        assert_eq!(part(Some("bytes=5-99"), 10), Part::Bytes(5..10));
        assert_eq!(part(Some("bytes=10-"), 10), Part::Beyond);
        assert_eq!(part(Some("bytes=-0"), 10), Part::Beyond);
        assert_eq!(part(Some("bytes=0-0"), 0), Part::Beyond);
        for odd in [
            "bytes=3-1",
            "bytes=a-b",
            "items=0-1",
            "bytes=0-1,3-4",
            "bytes=",
            "bytes=0-18446744073709551616",
        ] {
            assert_eq!(part(Some(odd), 10), Part::Whole, "{odd}");
        }
        assert_eq!(
            part(Some("bytes=0-18446744073709551615"), 10),
            Part::Bytes(0..10)
        );
    }
}
