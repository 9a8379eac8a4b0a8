//! Headers that a program or the environment gives: what may be sent, and what must not.
#![forbid(unsafe_code)]

/// The longest value of a header.
const LONGEST_VALUE: usize = 8 * 1024;

/// Checks each header, and takes the blanks around its value off.
///
/// # Errors
/// Names the header and never shows its value, which may be a secret.
pub(super) fn check_headers(headers: &mut [(String, String)]) -> Result<(), String> {
    for (name, value) in headers {
        check_name(name)?;
        let trimmed = value.trim_matches([' ', '\t']);
        check_value(trimmed).map_err(|why| format!("the value of \"{name}\" {why}"))?;
        if trimmed.len() != value.len() {
            *value = trimmed.to_owned();
        }
    }
    Ok(())
}

/// Whether this text can be a header's value; the error goes behind the name of what it is.
pub(super) fn check_value(value: &str) -> Result<(), String> {
    if value.len() > LONGEST_VALUE {
        return Err(format!("is longer than {LONGEST_VALUE} bytes"));
    }
    match value.bytes().find(|byte| byte.is_ascii_control() && *byte != b'\t') {
        None => Ok(()),
        // It would end the header and begin another (RFC 9112, section 11.1).
        Some(b'\r' | b'\n') => Err("holds a line break".to_owned()),
        Some(_) => Err("holds a control character".to_owned()),
    }
}

/// RFC 9110, section 5.6.2.
fn check_name(name: &str) -> Result<(), String> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match name.bytes().position(|byte| !token(byte)) {
        None if name.is_empty() => Err("the name of a header is empty".to_owned()),
        None => Ok(()),
        // Not repeated: a whole line, secret and all, may stand where the name belongs.
        Some(at) => Err(format!(
            "byte {} of a header's name is none that a name can have",
            at + 1
        )),
    }
}

/// Headers in the form of `OPENAI_CUSTOM_HEADERS`: one `Name: value` a line.
///
/// # Errors
/// Tells the number of the line.
pub(super) fn header_lines(text: &str) -> Result<Vec<(String, String)>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let headers = lines.map(|(i, line)| match line.split_once(':') {
        Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
        None => Err(format!("line {} is not in the form \"Name: value\"", i + 1)),
    });
    let mut headers = headers.collect::<Result<Vec<_>, _>>()?;
    check_headers(&mut headers)?;
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &str) -> Result<String, String> {
        let mut headers = [(name.to_owned(), value.to_owned())];
        check_headers(&mut headers)?;
        Ok(headers[0].1.clone())
    }

    #[test]
    fn a_header_cannot_smuggle_another_one_in() {
        for (name, value, why) in [
            ("X", "a\r\nY: b", "the value of \"X\" holds a line break"),
            ("X", "a\nb", "a line break"),
            ("X", "a\0b", "a control character"),
            ("X", "a\u{7f}", "a control character"),
            ("X: a\r\nY", "b", "byte 2 of a header's name"),
            ("X Y", "b", "byte 2 of a header's name"),
            ("", "b", "empty"),
            ("名", "b", "byte 1 of a header's name"),
            ("X", &"a".repeat(8193), "longer than 8192 bytes"),
        ] {
            let message = check(name, value).unwrap_err();
            assert!(message.contains(why), "{name:?}: {message}");
            assert!(message.len() < 200);
        }
        assert_eq!(check("X-Title", " \t天气 \t9 "), Ok("天气 \t9".to_owned()));
    }

    #[test]
    fn headers_can_be_lines() {
        let headers = header_lines("X-A: 1\r\n\n  x-b :https://h \n").unwrap();
        assert_eq!(
            headers,
            [
                ("X-A".to_owned(), "1".to_owned()),
                ("x-b".to_owned(), "https://h".to_owned())
            ]
        );
        assert!(header_lines("X-A: 1\nsecret").unwrap_err().starts_with("line 2 "));
        assert!(header_lines("X A: 1").is_err());
    }
}
