//! Lists the runbooks of error codes, so that they are in the binary.

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Where they are, seen from this package.
const FOLDER: &str = "../../docs/errors";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={FOLDER}");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(FOLDER)? {
        let file = entry?.file_name().into_string().map_err(|file| format!("{file:?} is no name"))?;
        names.extend(file.strip_suffix(".md").map(str::to_owned));
    }
    names.sort();
    let mut list = String::from("[");
    for name in names {
        let path = format!("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{FOLDER}/{name}.md\")");
        writeln!(list, "({name:?}, include_str!({path})),")?;
    }
    list.push(']');
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    std::fs::write(out.join("runbooks.rs"), list)?;
    Ok(())
}
