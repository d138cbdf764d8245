//! Lists the pages about error codes and about alerts, so that they are in the binary; and has it linked small.

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Where they are, seen from this package, and the list of each.
const FOLDERS: [(&str, &str); 2] =
    [("../../docs/errors", "errors.rs"), ("../../docs/runbooks", "runbooks.rs")];

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    for (folder, file) in FOLDERS {
        println!("cargo::rerun-if-changed={folder}");
        std::fs::write(out.join(file), list(folder)?)?;
    }
    // Where it is loaded is written into it at the start, at 70,000 places. As a plain list of them they are 1.8 MB, which stay
    // in memory though nobody reads them again; packed, some kB. glibc reads that from 2.36 on.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    Ok(())
}

/// Name and text of each page of a folder, as Rust has it.
fn list(folder: &str) -> Result<String, Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let file = entry?.file_name().into_string().map_err(|file| format!("{file:?} is no name"))?;
        names.extend(file.strip_suffix(".md").map(str::to_owned));
    }
    names.sort();
    let mut list = String::from("[");
    for name in names {
        let path = format!("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{folder}/{name}.md\")");
        writeln!(list, "({name:?}, include_str!({path})),")?;
    }
    list.push(']');
    Ok(list)
}
