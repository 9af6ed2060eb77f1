//! Embeds the page: every file of `web/dist`, if it was built. Texts are compressed here, once.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> io::Result<()> {
    let root =
        Path::new(&env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../../web/dist");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    if root.is_dir() {
        collect(&root, &mut files)?;
    }
    files.sort();
    let mut source = String::from("&[\n");
    for (number, path) in files.iter().enumerate() {
        let content = fs::read(path)?;
        let name = path
            .strip_prefix(&root)
            .unwrap_or(path)
            .to_string_lossy()
            .replace('\\', "/");
        let (kept, gzip) = smaller(content)?;
        let place = out.join(format!("page-{number}"));
        fs::write(&place, kept)?;
        let place = place.to_string_lossy();
        let _infallible = writeln!(
            source,
            "PageFile {{ path: {name:?}, content: include_bytes!({place:?}), gzip: {gzip} }},"
        );
    }
    source.push(']');
    fs::write(out.join("page.rs"), source)
}

/// The content, compressed if that makes it much smaller.
fn smaller(content: Vec<u8>) -> io::Result<(Vec<u8>, bool)> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&content)?;
    let packed = encoder.finish()?;
    let gzip = packed.len() * 10 < content.len() * 9;
    Ok((if gzip { packed } else { content }, gzip))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
