//! Text that must not be seen, and cleaning up a key that was pasted from somewhere.
#![forbid(unsafe_code)]

use std::fmt;
use zeroize::Zeroizing;

/// A key or a password. No debug output shows it, and its memory is overwritten when it is given back.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: String) -> Secret {
        Secret(Zeroizing::new(text))
    }

    /// The text itself, to be sent and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The key in what somebody pasted: blanks, quotes and a leading `Bearer` are taken off, in whatever order they were put on.
/// `Ok(None)`: there was nothing but blanks.
///
/// # Errors
/// Says what is wrong, without a character of the key.
pub(super) fn clean_key(pasted: &Secret) -> Result<Option<Secret>, String> {
    let mut key = pasted.expose().trim();
    if key.is_empty() {
        return Ok(None);
    }
    loop {
        let bare = without_bearer(without_quotes(key)).trim();
        if bare.len() == key.len() {
            break;
        }
        key = bare;
    }
    if key.is_empty() {
        return Err("holds no key".to_owned());
    }
    let faulty = |c: &char| c.is_control() || !c.is_ascii();
    match key.chars().position(|c| faulty(&c)) {
        None => Ok(Some(Secret::new(key.to_owned()))),
        Some(at) => {
            let what = if key.chars().nth(at).is_some_and(char::is_control) {
                "a control character"
            } else {
                "not ASCII"
            };
            Err(format!(
                "character {} of the key is {what}; keys are plain ASCII",
                at + 1
            ))
        }
    }
}

/// The text without a pair of quotes around it, as `.env` files and shells leave them.
pub(super) fn without_quotes(text: &str) -> &str {
    let inner = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

fn without_bearer(text: &str) -> &str {
    let Some((scheme, rest)) = text.split_at_checked("bearer".len()) else {
        return text;
    };
    let is_scheme = scheme.eq_ignore_ascii_case("bearer") && rest.chars().next().is_none_or(char::is_whitespace);
    if is_scheme { rest } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(pasted: &str) -> Result<Option<String>, String> {
        clean_key(&Secret::new(pasted.to_owned())).map(|key| key.map(|key| key.expose().to_owned()))
    }

    #[test]
    fn a_pasted_key_is_cleaned() {
        for pasted in [
            "sk-1",
            " sk-1\n",
            "\"sk-1\"",
            "'sk-1'",
            "Bearer sk-1",
            "bearer  sk-1",
            "\"Bearer sk-1\"\r\n",
            "Bearer \"sk-1\"",
            "Bearer Bearer sk-1",
        ] {
            assert_eq!(clean(pasted), Ok(Some("sk-1".to_owned())), "{pasted:?}");
        }
        assert_eq!(clean(" \n"), Ok(None));
        assert_eq!(clean("bearer-token"), Ok(Some("bearer-token".to_owned())));
        assert_eq!(clean("\"sk-1"), Ok(Some("\"sk-1".to_owned())));
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_refused_without_being_shown() {
        assert_eq!(clean("Bearer "), Err("holds no key".to_owned()));
        assert_eq!(clean("\"\""), Err("holds no key".to_owned()));
        let control = clean("sk-1\nsk-2").unwrap_err();
        assert!(
            control.contains("character 5") && control.contains("control") && !control.contains("sk-"),
            "{control}"
        );
        let foreign = clean("sk-密钥").unwrap_err();
        assert!(
            foreign.contains("character 4") && foreign.contains("not ASCII") && !foreign.contains('密'),
            "{foreign}"
        );
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Some(Secret::new("sk-1".to_owned()))), "Some(***)");
    }
}
