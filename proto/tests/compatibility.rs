//! Messages change by addition only: what was once published can be read for ever.
//!
//! `descriptors/v1.binpb` is what was last released. After an addition, copy the new one over it:
//! `UPDATE_DESCRIPTORS=1 cargo test -p tradeup-proto --test compatibility`.

#![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests fail loudly")]

use std::collections::BTreeMap;
use std::path::Path;

use prost_types::FileDescriptorSet;
use tradeup_proto::{DESCRIPTORS, Message as _};

/// Every field: message and number, with name, type and label; and every value of an enumeration.
fn fields(descriptors: &[u8]) -> BTreeMap<(String, i32), String> {
    let set = FileDescriptorSet::decode(descriptors).expect("a descriptor set");
    let ours = set.file.iter().filter(|file| file.package() == "tradeup.v1");
    let values = ours.clone().flat_map(|file| &file.enum_type).flat_map(|enumeration| {
        let of = |number: i32| (enumeration.name().to_owned(), number);
        enumeration.value.iter().map(move |value| (of(value.number()), value.name().to_owned()))
    });
    ours.flat_map(|file| &file.message_type)
        .flat_map(|message| {
            message.field.iter().map(|field| {
                let shape = format!(
                    "{} {:?} {:?} {}",
                    field.name(),
                    field.r#type(),
                    field.label(),
                    field.type_name()
                );
                ((message.name().to_owned(), field.number()), shape)
            })
        })
        .chain(values)
        .collect()
}

#[test]
fn no_released_field_is_gone_or_changed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("descriptors/v1.binpb");
    if std::env::var_os("UPDATE_DESCRIPTORS").is_some() {
        std::fs::write(&path, DESCRIPTORS).unwrap();
    }
    let released = fields(&std::fs::read(&path).unwrap());
    let now = fields(DESCRIPTORS);
    assert!(!released.is_empty());
    for (field, shape) in &released {
        assert_eq!(now.get(field), Some(shape), "{field:?} was released and must stay as it was");
    }
    let new: Vec<_> = now.iter().filter(|(field, _)| !released.contains_key(*field)).collect();
    assert!(new.is_empty(), "new fields, release them with UPDATE_DESCRIPTORS=1: {new:?}");
}
