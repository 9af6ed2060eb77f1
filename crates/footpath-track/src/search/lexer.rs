//! The words of a filter, with their places.

use super::FilterError;

/// One word of a filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A bare or quoted name, or a keyword.
    Word(String),
    /// A name in back quotes: never a keyword.
    Name(String),
    /// A text in single or double quotes. In double quotes it may also be a name.
    Text(String, Quote),
    /// A number.
    Number(f64),
    /// `=`, `!=`, `<`, `<=`, `>`, `>=`.
    Operator(&'static str),
    /// `(`, `)`, `,` or `.`.
    Mark(char),
}

/// How a text is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quote {
    Single,
    Double,
}

/// A word and where it begins, in characters.
pub(super) type Placed = (usize, Token);

const OPERATORS: [(&str, &str); 9] = [
    ("!=", "!="),
    ("<>", "!="),
    ("<=", "<="),
    (">=", ">="),
    ("==", "="),
    ("=", "="),
    ("<", "<"),
    (">", ">"),
    ("≠", "!="),
];

/// Splits a filter or an order into words.
///
/// # Errors
/// An open quote, a number that is none, a character that belongs nowhere.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, FilterError> {
    let chars: Vec<char> = text.chars().collect();
    let fail = |position: usize, problem: String| FilterError {
        problem,
        position,
        text: text.to_owned(),
    };
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let begin = at;
        let char = chars[at];
        if char.is_whitespace() {
            at += 1;
        } else if matches!(char, '\'' | '"' | '`') {
            let (quoted, end) = quoted(&chars, at)
                .ok_or_else(|| fail(begin, format!("the quote {char} is never closed")))?;
            at = end;
            found.push((
                begin,
                match char {
                    '`' => Token::Name(quoted),
                    '"' => Token::Text(quoted, Quote::Double),
                    _ => Token::Text(quoted, Quote::Single),
                },
            ));
        } else if matches!(char, '(' | ')' | ',' | '.')
            && !chars.get(at + 1).is_some_and(|next| {
                char == '.' && next.is_ascii_digit() && number_may_begin(&found)
            })
        {
            at += 1;
            found.push((begin, Token::Mark(char)));
        } else if let Some((sign, operator)) = OPERATORS
            .iter()
            .find(|(sign, _)| starts_with(&chars[at..], sign))
        {
            at += sign.chars().count();
            found.push((begin, Token::Operator(operator)));
        } else if number_may_begin(&found)
            && (char.is_ascii_digit() || matches!(char, '-' | '+' | '.'))
        {
            while at < chars.len() && number_goes_on(&chars, begin, at) {
                at += 1;
            }
            let spelled: String = chars[begin..at].iter().collect();
            let number = spelled
                .parse()
                .map_err(|_cause: std::num::ParseFloatError| {
                    fail(begin, format!("`{spelled}` is no number"))
                })?;
            found.push((begin, Token::Number(number)));
        } else if is_word(char) {
            while at < chars.len() && is_word(chars[at]) {
                at += 1;
            }
            found.push((begin, Token::Word(chars[begin..at].iter().collect())));
        } else {
            return Err(fail(
                begin,
                format!("`{}` belongs in quotes", char.escape_debug()),
            ));
        }
    }
    Ok(found)
}

/// The text in the quotes that open at a place, and where it goes on behind them. Doubled
/// quotes and quotes behind a backslash stand for themselves.
fn quoted(chars: &[char], open: usize) -> Option<(String, usize)> {
    let quote = chars[open];
    let mut text = String::new();
    let mut at = open + 1;
    loop {
        let char = *chars.get(at)?;
        let next = chars.get(at + 1);
        if char == quote && next == Some(&quote)
            || char == '\\' && next.is_some_and(|next| *next == quote)
        {
            text.push(quote);
            at += 2;
        } else if char == quote {
            return Some((text, at + 1));
        } else {
            text.push(char);
            at += 1;
        }
    }
}

/// Numbers stand behind operators, brackets and commas; elsewhere digits are part of names.
fn number_may_begin(found: &[Placed]) -> bool {
    matches!(
        found.last(),
        Some((_, Token::Operator(_) | Token::Mark('(' | ',')))
    )
}

fn number_goes_on(chars: &[char], begin: usize, at: usize) -> bool {
    let char = chars[at];
    char.is_ascii_alphanumeric()
        || char == '.'
        || matches!(char, '-' | '+') && (at == begin || matches!(chars[at - 1], 'e' | 'E'))
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric()
        || matches!(
            char,
            '_' | '/' | '-' | ':' | '@' | '%' | '+' | '*' | '[' | ']' | '#' | '~'
        )
}

fn starts_with(chars: &[char], text: &str) -> bool {
    let mut chars = chars.iter();
    text.chars().all(|char| chars.next() == Some(&char))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Token> {
        tokens(text)
            .unwrap()
            .into_iter()
            .map(|(_, token)| token)
            .collect()
    }

    #[test]
    fn numbers_names_and_quotes_are_told_apart() {
        assert_eq!(
            words("metrics.valid/ap-50 >= -1.5e-3"),
            [
                Token::Word("metrics".into()),
                Token::Mark('.'),
                Token::Word("valid/ap-50".into()),
                Token::Operator(">="),
                Token::Number(-0.0015)
            ]
        );
        assert_eq!(words("x=.5")[2], Token::Number(0.5));
        assert_eq!(
            words("'it''s \\' %'"),
            [Token::Text("it's ' %".into(), Quote::Single)]
        );
        assert_eq!(
            words("`a b`.\"c\"")[2],
            Token::Text("c".into(), Quote::Double)
        );
    }

    #[test]
    fn errors_tell_the_character() {
        let error = tokens("größe = 'a").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the quote ' is never closed at character 9 of `größe = 'a`"
        );
        assert_eq!(tokens("a = 1.2.3").unwrap_err().position, 4);
        assert_eq!(
            tokens("a ; b").unwrap_err().problem,
            "`;` belongs in quotes"
        );
    }
}
