//! How many tokens a text may be, by the gateway's rule: Han characters, and 1.3 for each other word.
#![forbid(unsafe_code)]

/// The estimate, rounded up.
///
/// A word is a run of characters between white space and Han characters that has a letter or a digit in it: punctuation alone
/// counts nothing.
pub fn estimate(text: &str) -> i64 {
    let (mut han, mut words) = (0_i64, 0_i64);
    let mut in_word = false;
    for character in text.chars() {
        if is_han(character) {
            han += 1;
            in_word = false;
        } else if character.is_whitespace() {
            in_word = false;
        } else if !in_word && character.is_alphanumeric() {
            words += 1;
            in_word = true;
        }
    }
    han + (words * 13 + 9) / 10
}

/// Unicode's script Han.
fn is_han(character: char) -> bool {
    matches!(
        character,
        '\u{2E80}'..='\u{2FD5}' | '々' | '〇' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303B}' | '\u{3400}'..='\u{4DBF}'
            | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAD9}' | '\u{20000}'..='\u{323AF}'
    )
}

#[cfg(test)]
mod tests {
    use super::estimate;

    #[test]
    fn han_characters_and_words_are_counted() {
        for (text, tokens) in [
            ("", 0),
            (" \n\t", 0),
            ("请介绍一下你自己", 8),
            ("你好，世界。", 4),
            ("hello", 2),
            ("hello world", 3),
            ("one two three four five six seven eight nine ten", 13),
            ("用Rust写 a library", 6),
            ("1+100=", 2),
            ("-- !", 0),
            ("𠀀", 1),
        ] {
            assert_eq!(estimate(text), tokens, "{text:?}");
        }
    }
}
