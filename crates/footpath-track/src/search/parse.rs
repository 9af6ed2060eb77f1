//! The grammar of filters: MLflow's, with `OR`, `NOT`, brackets and statistics.
//!
//! ```text
//! filter := and (OR and)*          and := not (AND not)*         not := NOT not | ( filter ) | clause
//! clause := field op value | field [NOT] (LIKE | ILIKE) text | field [NOT] IN ( text, … ) | field IS [NOT] NULL
//! field  := [prefix .] key | (first | last | min | max | best) ( metrics.key ) | number ( params.key )
//! prefix := metric[s] | param[eter][s] | tag[s] | attribute[s] | attr | run | dataset[s]
//! key    := bare, which may hold dots | `quoted` | "quoted"
//! ```
//! Keywords may be in any case. A text stands in single or double quotes; doubled, a quote
//! stands for itself.

use super::lexer::{Placed, Quote, Token, tokens};
use super::{
    Attribute, Comparison, DatasetField, Field, Filter, FilterError, OrderBy, Pattern, Scope,
    Statistic, Test,
};

/// How deep brackets and `NOT` may nest.
const DEPTH_LIMIT: usize = 64;

impl Filter {
    /// Reads a filter; a blank text is the filter that everything passes.
    ///
    /// # Errors
    /// [`FilterError`] with what is wrong, what would be right, and where.
    pub fn parse(text: &str, scope: Scope) -> Result<Self, FilterError> {
        let mut parser = Parser::new(text, scope)?;
        if parser.peek().is_none() {
            return Ok(Self::default());
        }
        let filter = parser.any(0)?;
        parser.end("AND, OR or the end")?;
        Ok(filter)
    }
}

impl OrderBy {
    /// Reads one part of an order: a field, then `ASC` (as without) or `DESC`.
    ///
    /// # Errors
    /// [`FilterError`] with what is wrong, what would be right, and where.
    pub fn parse(text: &str, scope: Scope) -> Result<Self, FilterError> {
        let mut parser = Parser::new(text, scope)?;
        let field = parser.field()?;
        let descending = if parser.take_keyword("DESC") {
            true
        } else {
            parser.take_keyword("ASC");
            false
        };
        parser.end("ASC, DESC or the end")?;
        Ok(Self { field, descending })
    }
}

struct Parser<'a> {
    text: &'a str,
    scope: Scope,
    tokens: Vec<Placed>,
    at: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, scope: Scope) -> Result<Self, FilterError> {
        Ok(Self {
            text,
            scope,
            tokens: tokens(text)?,
            at: 0,
        })
    }

    fn any(&mut self, depth: usize) -> Result<Filter, FilterError> {
        let mut parts = vec![self.all(depth)?];
        while self.take_keyword("OR") {
            parts.push(self.all(depth)?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Filter::Any(parts)
        })
    }

    fn all(&mut self, depth: usize) -> Result<Filter, FilterError> {
        let mut parts = vec![self.not(depth)?];
        while self.take_keyword("AND") {
            parts.push(self.not(depth)?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Filter::All(parts)
        })
    }

    fn not(&mut self, depth: usize) -> Result<Filter, FilterError> {
        if depth > DEPTH_LIMIT {
            return self.fail(format!("brackets nest deeper than {DEPTH_LIMIT}"));
        }
        if self.take_keyword("NOT") {
            return Ok(Filter::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.take(&Token::Mark('(')) {
            let inner = self.any(depth + 1)?;
            if !self.take(&Token::Mark(')')) {
                return self.fail("expected `)`".into());
            }
            return Ok(inner);
        }
        self.clause()
    }

    fn clause(&mut self) -> Result<Filter, FilterError> {
        let field = self.field()?;
        if self.take_keyword("IS") {
            let negated = self.take_keyword("NOT");
            if !self.take_keyword("NULL") {
                return self.fail("expected NULL".into());
            }
            return Ok(Filter::Is(
                field,
                if negated { Test::Present } else { Test::Absent },
            ));
        }
        let negated = self.take_keyword("NOT");
        if self.take_keyword("IN") {
            self.expect_text_field(&field)?;
            let texts = self.texts()?;
            return Ok(Filter::Is(
                field,
                if negated {
                    Test::NotIn(texts)
                } else {
                    Test::In(texts)
                },
            ));
        }
        for (keyword, case_sensitive) in [("LIKE", true), ("ILIKE", false)] {
            if self.take_keyword(keyword) {
                self.expect_text_field(&field)?;
                let text = self.quoted()?;
                let like = Filter::Is(
                    field.clone(),
                    Test::Like(Pattern {
                        text,
                        case_sensitive,
                    }),
                );
                // `x NOT LIKE p` is of those that have x, as `!=` is.
                let unlike = || {
                    Filter::All(vec![
                        Filter::Is(field, Test::Present),
                        Filter::Not(Box::new(like.clone())),
                    ])
                };
                return Ok(if negated { unlike() } else { like });
            }
        }
        if negated {
            return self.fail("expected IN, LIKE or ILIKE after NOT".into());
        }
        let Some(Token::Operator(operator)) = self.peek().cloned() else {
            return self.fail(
                "expected a comparison (=, !=, <, <=, >, >=, LIKE, ILIKE, IN, IS NULL)".into(),
            );
        };
        self.at += 1;
        self.comparison(field, operator)
    }

    fn comparison(&mut self, field: Field, operator: &str) -> Result<Filter, FilterError> {
        let comparison = match operator {
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            "!=" => Comparison::NotEqual,
            _ => Comparison::Equal,
        };
        let numeric = is_number(&field);
        let test = match self.peek().cloned() {
            Some(Token::Number(number)) if numeric || matches!(field, Field::Param(_)) => {
                self.at += 1;
                Test::Number(comparison, number)
            }
            Some(Token::Word(word)) if numeric && number_word(&word).is_some() => {
                self.at += 1;
                Test::Number(comparison, number_word(&word).unwrap_or(f64::NAN))
            }
            _ if numeric => return self.fail("expected a number without quotes".into()),
            _ => match (comparison, self.quoted()?) {
                (Comparison::Equal, text) => Test::Equals(text),
                (Comparison::NotEqual, text) => Test::Differs(text),
                _ => {
                    self.at -= 2;
                    return self.fail(format!("`{operator}` compares numbers: texts are compared by =, !=, LIKE, ILIKE and IN"));
                }
            },
        };
        Ok(Filter::Is(field, test))
    }

    /// A field; a bare key goes on over dots.
    fn field(&mut self) -> Result<Field, FilterError> {
        let begin = self.at;
        let first =
            self.key_part("a field such as metrics.loss, params.lr, tags.kind or an attribute")?;
        if let Some(statistic) = self.statistic(&first) {
            if !self.take(&Token::Mark('(')) {
                return self.fail(format!("expected `(` after {first}"));
            }
            let inner = self.field()?;
            let Field::Metric(Statistic::Last, key) = inner else {
                self.at -= 1;
                return self.fail(format!(
                    "{first}(…) takes a metric, such as {first}(metrics.loss)"
                ));
            };
            if !self.take(&Token::Mark(')')) {
                return self.fail("expected `)`".into());
            }
            return Ok(Field::Metric(statistic, key));
        }
        if self.scope.has_metrics()
            && first.eq_ignore_ascii_case("number")
            && self.take(&Token::Mark('('))
        {
            let Field::Param(key) = self.field()? else {
                self.at -= 1;
                return self.fail("number(…) takes a parameter, such as number(params.lr)".into());
            };
            if !self.take(&Token::Mark(')')) {
                return self.fail("expected `)`".into());
            }
            return Ok(Field::ParamNumber(key));
        }
        if !self.take(&Token::Mark('.')) {
            // MLflow's `run name` is an attribute of two words.
            let mut name = first;
            if name.eq_ignore_ascii_case("run") && self.take_keyword("name") {
                name = "run_name".into();
            }
            return self.attribute(&name, begin);
        }
        let mut key = self.key_part("a key; keys with spaces stand in back quotes")?;
        while self.take(&Token::Mark('.')) {
            key.push('.');
            key.push_str(&self.key_part("the rest of the key")?);
        }
        let prefix = first.to_lowercase();
        match prefix.as_str() {
            "metric" | "metrics" if self.scope.has_metrics() => {
                Ok(Field::Metric(Statistic::Last, key))
            }
            "param" | "params" | "parameter" | "parameters" if self.scope.has_metrics() => {
                Ok(Field::Param(key))
            }
            "tag" | "tags" => Ok(Field::Tag(key)),
            "attribute" | "attributes" | "attr" | "run" => self.attribute(&key, begin),
            "dataset" | "datasets" if self.scope.has_datasets() => {
                match key.to_lowercase().as_str() {
                    "name" => Ok(Field::Dataset(DatasetField::Name)),
                    "digest" => Ok(Field::Dataset(DatasetField::Digest)),
                    "context" => Ok(Field::Dataset(DatasetField::Context)),
                    _ => self.fail_at(
                        begin,
                        format!("data sets have no `{key}`: they have name, digest and context"),
                    ),
                }
            }
            _ => {
                let known = match self.scope {
                    Scope::Runs => "metrics, params, tags, attributes or datasets",
                    Scope::LoggedModels => "metrics, params, tags or attributes",
                    _ => "tags or attributes",
                };
                self.fail_at(
                    begin,
                    format!("`{first}` is no kind of field: expected {known}"),
                )
            }
        }
    }

    fn attribute(&self, name: &str, begin: usize) -> Result<Field, FilterError> {
        if let Some(attribute) = self.scope.attribute(name) {
            return Ok(Field::Attribute(attribute));
        }
        let known: Vec<&str> = self
            .scope
            .attributes()
            .iter()
            .map(|(name, _)| *name)
            .collect();
        self.fail_at(
            begin,
            format!(
                "there is no attribute `{name}`: the attributes are {}",
                known.join(", ")
            ),
        )
    }

    fn statistic(&self, word: &str) -> Option<Statistic> {
        if !self.scope.has_metrics() || self.peek() != Some(&Token::Mark('(')) {
            return None;
        }
        match word.to_lowercase().as_str() {
            "first" => Some(Statistic::First),
            "last" => Some(Statistic::Last),
            "min" => Some(Statistic::Min),
            "max" => Some(Statistic::Max),
            "best" => Some(Statistic::Best),
            _ => None,
        }
    }

    fn key_part(&mut self, expected: &str) -> Result<String, FilterError> {
        match self.peek().cloned() {
            Some(Token::Word(word) | Token::Name(word) | Token::Text(word, Quote::Double)) => {
                self.at += 1;
                Ok(word)
            }
            _ => self.fail(format!("expected {expected}")),
        }
    }

    fn texts(&mut self) -> Result<Vec<String>, FilterError> {
        if !self.take(&Token::Mark('(')) {
            return self.fail("expected `(` and texts in quotes".into());
        }
        let mut texts = vec![self.quoted()?];
        while self.take(&Token::Mark(',')) {
            if self.peek() == Some(&Token::Mark(')')) {
                break;
            }
            texts.push(self.quoted()?);
        }
        if !self.take(&Token::Mark(')')) {
            return self.fail("expected `,` or `)`".into());
        }
        Ok(texts)
    }

    fn quoted(&mut self) -> Result<String, FilterError> {
        if let Some(Token::Text(text, _)) = self.peek().cloned() {
            self.at += 1;
            return Ok(text);
        }
        self.fail("expected a text in quotes".into())
    }

    fn expect_text_field(&mut self, field: &Field) -> Result<(), FilterError> {
        if is_number(field) {
            self.at -= 1;
            return self
                .fail("LIKE, ILIKE and IN compare texts, and this field is a number".into());
        }
        Ok(())
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn take(&mut self, token: &Token) -> bool {
        let there = self.peek() == Some(token);
        self.at += usize::from(there);
        there
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        let there =
            matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(there);
        there
    }

    fn end(&self, expected: &str) -> Result<(), FilterError> {
        if self.peek().is_none() {
            Ok(())
        } else {
            self.fail(format!("expected {expected}"))
        }
    }

    fn fail<T>(&self, problem: String) -> Result<T, FilterError> {
        self.fail_at(self.at, problem)
    }

    fn fail_at<T>(&self, token: usize, problem: String) -> Result<T, FilterError> {
        let end = self.text.chars().count();
        let position = self
            .tokens
            .get(token)
            .map_or(end, |(position, _)| *position);
        Err(FilterError {
            problem,
            position,
            text: self.text.to_owned(),
        })
    }
}

fn is_number(field: &Field) -> bool {
    match field {
        Field::Metric(..) | Field::ParamNumber(_) => true,
        Field::Attribute(attribute) => Attribute::is_number(*attribute),
        _ => false,
    }
}

fn number_word(word: &str) -> Option<f64> {
    match word.to_lowercase().as_str() {
        "inf" | "infinity" | "+inf" => Some(f64::INFINITY),
        "-inf" | "-infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
