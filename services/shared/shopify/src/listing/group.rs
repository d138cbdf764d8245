//! Orders with their lines, gathered from a file in which each is a line of its own.

use serde_json::{Value, json};

use super::{NotListed, body, gid_of};
use crate::error::ShopifyError;

/// How much of one order is gathered, in bytes.
const ORDER_LEN_MAX: usize = 8 * 1024 * 1024;

/// What has been read of a file. Only what belongs to the last order is kept.
#[derive(Default)]
pub(super) struct Groups {
    open: Option<Group>,
    /// Lines that were read.
    pub(super) objects: u64,
}

/// An order and the lines that came after it.
struct Group {
    node: Value,
    lines: Vec<Value>,
    len: usize,
}

/// What nothing more belongs to.
pub(super) enum Finished {
    /// The node with its lines in their place.
    Whole(Value),
    /// The id of one that has too many.
    TooLong(String, NotListed),
}

impl std::fmt::Debug for Groups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Groups({} objects)", self.objects)
    }
}

impl std::fmt::Debug for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Finished")
    }
}

impl Groups {
    /// Takes a line. What it shows to be finished, if anything.
    ///
    /// # Errors
    /// When the line is cut off or does not belong where it stands.
    pub(super) fn take(&mut self, line: &[u8]) -> Result<Option<Finished>, ShopifyError> {
        let mut node: Value = serde_json::from_slice(line).map_err(|error| match error.classify() {
            // Lines have no breaks inside, so one that breaks off is the last of a file that does.
            serde_json::error::Category::Eof => {
                ShopifyError::Unanswered { reason: "a bulk file that ends within a line".to_owned() }
            }
            _ => unexpected("a line of a bulk file that is no JSON"),
        })?;
        self.objects += 1;
        let parent = node.as_object_mut().and_then(|fields| fields.remove("__parentId"));
        let Some(parent) = parent else {
            gid_of(&node)?;
            let before = self.close();
            self.open = Some(Group { node, lines: Vec::new(), len: line.len() });
            return Ok(before);
        };
        let group = self.open.as_mut().filter(|group| group.node.get("id") == Some(&parent));
        let Some(group) = group else {
            return Err(unexpected("a line of a bulk file that does not belong to the order before it"));
        };
        group.len += line.len();
        if group.len <= ORDER_LEN_MAX {
            group.lines.push(node);
        }
        Ok(None)
    }

    /// The last one: the file has ended.
    pub(super) fn close(&mut self) -> Option<Finished> {
        let Group { mut node, lines, len } = self.open.take()?;
        if len > ORDER_LEN_MAX {
            let id = body::bare(gid_of(&node).unwrap_or_default()).to_owned();
            let why = NotListed::TooLong { what: "lines of an order", max: lines.len() };
            return Some(Finished::TooLong(id, why));
        }
        if let Some(fields) = node.as_object_mut() {
            let page_info = json!({ "hasNextPage": false });
            fields.insert("lineItems".to_owned(), json!({ "nodes": lines, "pageInfo": page_info }));
        }
        Some(Finished::Whole(node))
    }
}

fn unexpected(reason: &str) -> ShopifyError {
    ShopifyError::UnexpectedAnswer { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(groups: &mut Groups, line: &Value) -> Result<Option<Finished>, ShopifyError> {
        groups.take(line.to_string().as_bytes())
    }

    fn lines(finished: Option<Finished>) -> usize {
        match finished {
            Some(Finished::Whole(node)) => {
                node.pointer("/lineItems/nodes").unwrap().as_array().unwrap().len()
            }
            _ => panic!("not whole"),
        }
    }

    #[test]
    fn lines_come_to_the_order_before_them_and_to_no_other() {
        let order = |id: u32| json!({ "id": format!("gid://shopify/Order/{id}") });
        let line = |parent: u32| json!({ "id": "l", "__parentId": format!("gid://shopify/Order/{parent}") });
        let mut groups = Groups::default();
        assert!(groups.close().is_none());
        assert!(take(&mut groups, &order(1)).unwrap().is_none());
        assert!(take(&mut groups, &line(1)).unwrap().is_none());
        assert!(take(&mut groups, &line(1)).unwrap().is_none());
        assert_eq!(lines(take(&mut groups, &order(2)).unwrap()), 2);
        let error = take(&mut groups, &line(1)).unwrap_err();
        assert!(matches!(error, ShopifyError::UnexpectedAnswer { .. }), "{error}");
        assert_eq!((lines(groups.close()), groups.objects), (0, 5));
    }

    #[test]
    fn a_line_that_breaks_off_is_no_line_and_is_not_shown() {
        for (text, again) in [
            ("{\"id\":\"gid://shopify/Order/1\",\"email\":\"alma@exa", true),
            ("{\"id\":", true),
            ("{\"email\":\"alma@example.com\"}", false),
            ("alma@example.com", false),
            ("[]", false),
        ] {
            let error = Groups::default().take(text.as_bytes()).unwrap_err();
            assert_eq!(matches!(error, ShopifyError::Unanswered { .. }), again, "{text}");
            assert!(!format!("{error:?}").contains("alma"), "{error:?}");
        }
    }

    #[test]
    fn an_order_without_end_is_left_out_and_named() {
        let mut groups = Groups::default();
        take(&mut groups, &json!({ "id": "gid://shopify/Order/7" })).unwrap();
        let long = json!({ "id": "l", "__parentId": "gid://shopify/Order/7", "name": "x".repeat(1_000_000) });
        for _ in 0..10 {
            assert!(take(&mut groups, &long).unwrap().is_none());
        }
        let Some(Finished::TooLong(id, why)) = groups.close() else { panic!("taken") };
        assert_eq!((id.as_str(), why), ("7", NotListed::TooLong { what: "lines of an order", max: 8 }));
    }
}
