//! Splits a huge JSON file into its records without reading it whole.
//!
//! The annotations of the Mapping Challenge are one JSON object of 600 MB.
//! [`JsonRecords`] walks through such a file in pieces of some MB and hands
//! out the raw text of each element of each top-level array. The elements
//! are parsed elsewhere, each alone, so that they can be parsed in parallel
//! and a bad one spoils no other.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// How many bytes of records are handed out together.
const BATCH_BYTES: usize = 4 << 20;

/// How many bytes are read at once.
const READ_BYTES: usize = 1 << 20;

/// Why a file could not be split into records.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// The file cannot be opened or read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file ends in the middle.
    #[error(
        "{} is cut off: it ends after {bytes} bytes within {place}; fetch or write the file again",
        path.display()
    )]
    CutOff {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        bytes: u64,
        /// The list or value that is not finished.
        place: String,
    },
    /// The file is JSON without the list of records that it is read for.
    #[error(
        "{} holds no list of records: expected a JSON list, or an object with the list `{key}`",
        path.display()
    )]
    NoList {
        /// The file.
        path: PathBuf,
        /// The key of the list, where the file is an object.
        key: &'static str,
    },
    /// The file is not JSON.
    #[error(
        "{} is not JSON: byte {at} is {found:?}, expected {expected}",
        path.display()
    )]
    NotJson {
        /// The file.
        path: PathBuf,
        /// Position from 0.
        at: u64,
        /// The character there.
        found: char,
        /// What the grammar wants.
        expected: &'static str,
    },
}

/// Some consecutive elements of one top-level array.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The array's key in the top-level object; empty if the array is the file.
    pub(crate) key: String,
    /// Position of the first element in its array, from 0.
    pub(crate) first_index: usize,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Batch {
    /// Number of elements.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The raw text of element `i` of the batch.
    ///
    /// # Panics
    /// If there is no such element.
    #[must_use]
    pub(crate) fn text(&self, i: usize) -> &[u8] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.text[start..self.ends[i]]
    }
}

/// Calls `each` for batch after batch of the file's records, in the order of the file.
///
/// Top-level arrays called `""` (the file itself is one) or one of `keys` are
/// split; all else is passed over. Returns the keys of the top-level arrays found.
///
/// # Errors
/// [`JsonError`]; the records before the bad place were handed out.
pub(crate) fn for_each_batch(
    path: &Path,
    keys: &[&str],
    each: &mut dyn FnMut(&Batch),
) -> Result<Vec<String>, JsonError> {
    let file = File::open(path).map_err(|source| JsonError::Io {
        path: path.to_owned(),
        source,
    })?;
    JsonRecords::new(path, file, keys, each).run()
}

struct JsonRecords<'a, R> {
    path: &'a Path,
    reader: R,
    keys: &'a [&'a str],
    each: &'a mut dyn FnMut(&Batch),
    window: Vec<u8>,
    /// Next byte of the window.
    pos: usize,
    /// Bytes of the file before the window.
    before: u64,
    batch: Batch,
}

impl<'a, R: Read> JsonRecords<'a, R> {
    fn new(
        path: &'a Path,
        reader: R,
        keys: &'a [&'a str],
        each: &'a mut dyn FnMut(&Batch),
    ) -> Self {
        Self {
            path,
            reader,
            keys,
            each,
            window: Vec::new(),
            pos: 0,
            before: 0,
            batch: Batch::default(),
        }
    }

    fn run(mut self) -> Result<Vec<String>, JsonError> {
        let mut found = Vec::new();
        if self.read_more()? && self.window.starts_with(b"\xEF\xBB\xBF") {
            self.pos = 3; // byte order mark
        }
        match self.peek("the file")? {
            b'[' => {
                self.array("")?;
                found.push(String::new());
            }
            b'{' => self.object(&mut found)?,
            _ => return Err(self.not_json("`{` or `[`")),
        }
        Ok(found)
    }

    fn object(&mut self, found: &mut Vec<String>) -> Result<(), JsonError> {
        self.pos += 1;
        if self.peek("the file")? == b'}' {
            return Ok(());
        }
        loop {
            if self.peek("the file")? != b'"' {
                return Err(self.not_json("a key in double quotes"));
            }
            let raw = self.value("a key")?;
            let key = String::from_utf8_lossy(&self.window[raw.0 + 1..raw.1 - 1]).into_owned();
            if self.peek("the file")? != b':' {
                return Err(self.not_json("`:`"));
            }
            self.pos += 1;
            if self.peek(&key)? == b'[' {
                self.array(&key)?;
                found.push(key);
            } else {
                self.value(&key)?;
            }
            if self.comma_or(b'}', "the file")? {
                return Ok(());
            }
        }
    }

    fn array(&mut self, key: &str) -> Result<(), JsonError> {
        let wanted = key.is_empty() || self.keys.contains(&key);
        self.batch.key.clear();
        self.batch.key.push_str(key);
        self.batch.first_index = 0;
        self.pos += 1;
        if self.peek(key)? == b']' {
            self.pos += 1;
            return Ok(());
        }
        loop {
            self.peek(key)?;
            let (start, end) = self.value(key)?;
            if wanted {
                self.batch.text.extend_from_slice(&self.window[start..end]);
                self.batch.ends.push(self.batch.text.len());
                if self.batch.text.len() >= BATCH_BYTES {
                    self.hand_out();
                }
            }
            if self.comma_or(b']', key)? {
                self.hand_out();
                return Ok(());
            }
        }
    }

    fn hand_out(&mut self) {
        if !self.batch.is_empty() {
            (self.each)(&self.batch);
            self.batch.first_index += self.batch.len();
            self.batch.text.clear();
            self.batch.ends.clear();
        }
    }

    /// Steps over a comma (`false`) or over the closing bracket (`true`).
    fn comma_or(&mut self, close: u8, place: &str) -> Result<bool, JsonError> {
        let found = self.peek(place)?;
        if found != b',' && found != close {
            return Err(self.not_json("`,` or the end of the list"));
        }
        self.pos += 1;
        Ok(found == close)
    }

    /// Steps over one value and gives its place in the window.
    ///
    /// Only strings and brackets are looked at; what stands between them is
    /// left to the parser of the record.
    fn value(&mut self, place: &str) -> Result<(usize, usize), JsonError> {
        if self.pos > READ_BYTES / 2 {
            // What precedes the value is not needed any more. Seldom done, because it moves the rest.
            self.before += self.pos as u64;
            self.window.drain(..self.pos);
            self.pos = 0;
        }
        let start = self.pos;
        let mut depth = 0usize;
        let mut at = start;
        loop {
            while at < self.window.len() {
                match self.window[at] {
                    b'"' => {
                        at = self.string_end(at, place)?;
                        if depth == 0 {
                            self.pos = at;
                            return Ok((start, at));
                        }
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' if depth > 1 => depth -= 1,
                    b'}' | b']' if depth == 1 => {
                        self.pos = at + 1;
                        return Ok((start, at + 1));
                    }
                    b'}' | b']' | b',' | b' ' | b'\n' | b'\r' | b'\t' if depth == 0 => {
                        self.pos = at;
                        if at == start {
                            return Err(self.not_json("a value"));
                        }
                        return Ok((start, at));
                    }
                    _ => {}
                }
                at += 1;
            }
            if !self.read_more()? {
                return Err(self.cut_off(place));
            }
        }
    }

    /// Position behind the string that starts at `at` of the window.
    fn string_end(&mut self, at: usize, place: &str) -> Result<usize, JsonError> {
        let mut i = at + 1;
        loop {
            while i < self.window.len() {
                match self.window[i] {
                    b'"' => return Ok(i + 1),
                    b'\\' => i += 2,
                    _ => i += 1,
                }
            }
            if !self.read_more()? {
                return Err(self.cut_off(place));
            }
        }
    }

    /// The next byte that is no white space.
    fn peek(&mut self, place: &str) -> Result<u8, JsonError> {
        loop {
            while let Some(&byte) = self.window.get(self.pos) {
                if !byte.is_ascii_whitespace() {
                    return Ok(byte);
                }
                self.pos += 1;
            }
            if !self.read_more()? {
                return Err(self.cut_off(place));
            }
        }
    }

    /// Lengthens the window; `false` at the end of the file.
    fn read_more(&mut self) -> Result<bool, JsonError> {
        let len = self.window.len();
        self.window.resize(len + READ_BYTES, 0);
        let read = loop {
            match self.reader.read(&mut self.window[len..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.window.truncate(len + *read.as_ref().unwrap_or(&0));
        let read = read.map_err(|source| JsonError::Io {
            path: self.path.to_owned(),
            source,
        })?;
        Ok(read > 0)
    }

    fn cut_off(&self, place: &str) -> JsonError {
        let place = match place {
            "" => "the list of records".to_owned(),
            "the file" | "a key" => place.to_owned(),
            key => format!("`{key}`"),
        };
        JsonError::CutOff {
            path: self.path.to_owned(),
            bytes: self.before + self.window.len() as u64,
            place,
        }
    }

    fn not_json(&self, expected: &'static str) -> JsonError {
        let found = self
            .window
            .get(self.pos)
            .map_or('\0', |&byte| char::from(byte));
        JsonError::NotJson {
            path: self.path.to_owned(),
            at: self.before + self.pos as u64,
            found,
            expected,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives out `step` bytes at a time, so that every boundary is met.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = self.1.min(self.0.len()).min(buf.len());
            buf[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn split(text: &str, step: usize) -> Result<Vec<(String, usize, String)>, JsonError> {
        let mut records = Vec::new();
        let mut each = |batch: &Batch| {
            for i in 0..batch.len() {
                let text = String::from_utf8(batch.text(i).to_vec()).expect("UTF-8");
                records.push((batch.key.clone(), batch.first_index + i, text));
            }
        };
        JsonRecords::new(
            Path::new("a.json"),
            Drip(text.as_bytes(), step),
            &["images"],
            &mut each,
        )
        .run()?;
        Ok(records)
    }

    #[test]
    fn elements_keep_their_text_and_place() {
        let text = r#" {"info": {"a": [1, "]"]}, "images": [ {"id": 1, "f": "a\"],{"} , 2,NaN ],
                       "other": [1, 2], "n": null} "#;
        for step in [1, 2, 7, 1000] {
            let records = split(text, step).expect("valid");
            assert_eq!(
                records,
                [
                    ("images".into(), 0, r#"{"id": 1, "f": "a\"],{"}"#.into()),
                    ("images".into(), 1, "2".into()),
                    ("images".into(), 2, "NaN".into()),
                ]
            );
        }
    }

    #[test]
    fn a_top_level_array_and_empty_lists_are_read() {
        assert_eq!(split("[[1,2],3]", 1).expect("valid")[0].2, "[1,2]");
        assert_eq!(split("[]", 1).expect("valid"), []);
        assert_eq!(split("{}", 1).expect("valid"), []);
        assert_eq!(split(r#"{"images":[]}"#, 1).expect("valid"), []);
    }

    #[test]
    fn a_cut_file_says_where_it_ends() {
        let message = split(r#"{"images": [{"id": 1}, {"id"#, 5)
            .expect_err("cut")
            .to_string();
        assert_eq!(
            message,
            "a.json is cut off: it ends after 27 bytes within `images`; fetch or write the file again"
        );
        assert!(
            split("", 5)
                .expect_err("empty")
                .to_string()
                .contains("after 0 bytes")
        );
    }

    #[test]
    fn something_else_is_not_json() {
        let message = split("id,width", 5).expect_err("CSV").to_string();
        assert_eq!(
            message,
            "a.json is not JSON: byte 0 is 'i', expected `{` or `[`"
        );
        assert!(split(r#"{"images" [1]}"#, 5).is_err());
        assert!(split("[1 2]", 5).is_err());
        assert!(split("[1,,2]", 5).is_err());
    }

    proptest! {
        #[test]
        fn pieces_of_any_length_give_the_same_records(step in 1usize..50, ids in prop::collection::vec(any::<u32>(), 0..30)) {
            let text = serde_json::json!({ "images": ids.iter().map(|id| serde_json::json!({"id": id, "t": "x\\\"y"})).collect::<Vec<_>>() }).to_string();
            let records = split(&text, step).expect("valid");
            prop_assert_eq!(records.len(), ids.len());
            for (record, id) in records.iter().zip(ids) {
                let value: serde_json::Value = serde_json::from_str(&record.2).expect("whole");
                prop_assert_eq!(&value["id"], &serde_json::json!(id));
            }
        }

        #[test]
        fn arbitrary_text_never_panics(text in "[\\[\\]{}\",: a1\\\\]{0,60}", step in 1usize..9) {
            let _ = split(&text, step);
        }
    }
}
