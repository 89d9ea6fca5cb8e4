//! The text of one line to a [`Reference`].

use super::reference::{Kind, Reference};

/// What a line of a trace is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A memory reference.
    Reference(Reference),
    /// A blank line or a message of valgrind or of the recorder.
    Skipped,
}

const EXPECTED_KIND: &str = "a line beginning with \"I  \", \" L \", \" S \" or \" M \"";
const EXPECTED_ADDRESS: &str = "1 to 16 hexadecimal digits and a comma after the kind";
const EXPECTED_SIZE: &str = "a size from 1 to 4096 bytes after the comma";
const EXPECTED_END: &str = "an access that ends within the 64-bit address space";

const MAX_ADDRESS_DIGITS: usize = 16;
const MAX_SIZE_BYTES: u16 = 4096;

/// Parses one line, given without its line end.
///
/// # Errors
///
/// What was expected instead, for [`TraceError::Line`](super::TraceError::Line).
#[inline]
pub(super) fn parse(line: &[u8]) -> Result<Line, &'static str> {
    let Some((prefix, rest)) = line.split_first_chunk::<3>() else {
        return unusual(line);
    };
    let kind = match prefix {
        b"I  " => Kind::Fetch,
        b" L " => Kind::Load,
        b" S " => Kind::Store,
        b" M " => Kind::Modify,
        _ => return unusual(line),
    };
    let (address, size) = parse_address(rest)?;
    let bytes = parse_size(size)?;
    if address.checked_add(u64::from(bytes) - 1).is_none() {
        return Err(EXPECTED_END);
    }
    Ok(Line::Reference(Reference { kind, address, bytes }))
}

/// A line that begins like no reference: skipped, or an error.
#[cold]
fn unusual(line: &[u8]) -> Result<Line, &'static str> {
    let message = line.starts_with(b"==") || line.starts_with(b"--") || line.starts_with(b"**");
    if message || line.trim_ascii().is_empty() { Ok(Line::Skipped) } else { Err(EXPECTED_KIND) }
}

/// The address, and what follows its comma.
#[inline]
fn parse_address(text: &[u8]) -> Result<(u64, &[u8]), &'static str> {
    let mut address = 0;
    for (position, &byte) in text.iter().enumerate().take(MAX_ADDRESS_DIGITS + 1) {
        match HEX_VALUES[usize::from(byte)] {
            Some(digit) if position < MAX_ADDRESS_DIGITS => address = address << 4 | u64::from(digit),
            None if byte == b',' && position > 0 => return Ok((address, &text[position + 1..])),
            _ => break,
        }
    }
    Err(EXPECTED_ADDRESS)
}

#[inline]
fn parse_size(text: &[u8]) -> Result<u16, &'static str> {
    if text.is_empty() || text.len() > 4 {
        return Err(EXPECTED_SIZE);
    }
    let mut size = 0;
    for &byte in text {
        if !byte.is_ascii_digit() {
            return Err(EXPECTED_SIZE);
        }
        size = size * 10 + u16::from(byte - b'0');
    }
    if (1..=MAX_SIZE_BYTES).contains(&size) { Ok(size) } else { Err(EXPECTED_SIZE) }
}

/// Value of each byte as a hexadecimal digit. A table, because this is the inner loop of reading a trace.
static HEX_VALUES: [Option<u8>; 256] = {
    let mut values = [None; 256];
    let mut digit = 0;
    while digit < 16 {
        values[b"0123456789abcdef"[digit] as usize] = Some(digit as u8);
        values[b"0123456789ABCDEF"[digit] as usize] = Some(digit as u8);
        digit += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_parsed() {
        let cases = [
            (&b"I  04001000,3"[..], Kind::Fetch, 0x0400_1000, 3),
            (b" L 1ffeffe7e,8", Kind::Load, 0x1_ffef_fe7e, 8),
            (b" S 0,4096", Kind::Store, 0, 4096),
            (b" M FFFFFFFFFFFFFFFF,1", Kind::Modify, u64::MAX, 1),
        ];
        for (text, kind, address, bytes) in cases {
            let reference = Reference { kind, address, bytes };
            assert_eq!(parse(text), Ok(Line::Reference(reference)));
        }
    }

    #[test]
    fn display_is_the_inverse_of_parse() {
        for text in ["I  04001000,3", " L 1ffeffe7e,8", " S 00000000,4096", " M ffffffffffffffff,1"] {
            let Ok(Line::Reference(reference)) = parse(text.as_bytes()) else { panic!("{text}") };
            assert_eq!(reference.to_string(), text);
        }
    }

    #[test]
    fn messages_and_blank_lines_are_skipped() {
        for text in ["", "  ", "\r", "==12== Lackey", "--12-- warning", "**12** note"] {
            assert_eq!(parse(text.as_bytes()), Ok(Line::Skipped), "{text:?}");
        }
    }

    #[test]
    fn broken_lines_say_what_was_expected() {
        let cases = [
            ("X  1000,4", EXPECTED_KIND),
            ("I 1000,4", EXPECTED_KIND),
            ("=", EXPECTED_KIND),
            (" L ", EXPECTED_ADDRESS),
            (" L ,4", EXPECTED_ADDRESS),
            (" L 1000", EXPECTED_ADDRESS),
            (" L 0x1000,4", EXPECTED_ADDRESS),
            (" L 10000000000000000,4", EXPECTED_ADDRESS),
            (" L 1000,", EXPECTED_SIZE),
            (" L 1000,0", EXPECTED_SIZE),
            (" L 1000,4097", EXPECTED_SIZE),
            (" L 1000,00004", EXPECTED_SIZE),
            (" L 1000,-1", EXPECTED_SIZE),
            (" L 1000,4 ", EXPECTED_SIZE),
            (" L ffffffffffffffff,2", EXPECTED_END),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text.as_bytes()), Err(expected), "{text:?}");
        }
    }
}
