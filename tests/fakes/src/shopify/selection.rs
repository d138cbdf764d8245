//! The part of GraphQL that listing needs: what a document selects, what that costs, and the value cut down to
//! it. A field that a document forgets is not in the answer, as at Shopify.

use serde_json::{Map, Value, json};

/// Under this name the model keeps what is a connection at Shopify, as a list of all its nodes.
pub(crate) const CONNECTION: &str = "__connection";

/// A field with what is selected of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: String,
    arguments: Vec<(String, Argument)>,
    pub(crate) fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq)]
enum Argument {
    Variable(String),
    Literal(Value),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Mark(char),
    Word(String),
    Text(String),
}

/// The root fields of a document with one operation; `None` if it is none that is understood.
pub(crate) fn parse(document: &str) -> Option<Vec<Field>> {
    let mut tokens = tokens(document);
    tokens.reverse();
    // `query Name($variable: Type!)`
    while tokens.last().is_some_and(|token| *token != Token::Mark('{')) {
        if tokens.pop() == Some(Token::Mark('(')) {
            while tokens.pop()? != Token::Mark(')') {}
        }
    }
    let fields = selection(&mut tokens)?;
    tokens.is_empty().then_some(fields)
}

fn tokens(document: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = document.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '"' => found.push(Token::Text(rest.by_ref().take_while(|c| *c != '"').collect())),
            '{' | '}' | '(' | ')' | ':' | '$' | '!' | '=' => found.push(Token::Mark(next)),
            c if c.is_whitespace() || c == ',' => {}
            c => {
                let mut word = String::from(c);
                while let Some(more) = rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    word.push(more);
                }
                found.push(Token::Word(word));
            }
        }
    }
    found
}

/// `tokens` are backwards, so that the next is the last.
fn selection(tokens: &mut Vec<Token>) -> Option<Vec<Field>> {
    if tokens.pop()? != Token::Mark('{') {
        return None;
    }
    let mut fields = Vec::new();
    loop {
        match tokens.pop()? {
            Token::Mark('}') => return Some(fields),
            Token::Word(name) => {
                let arguments =
                    if tokens.last() == Some(&Token::Mark('(')) { arguments(tokens)? } else { Vec::new() };
                let nested = tokens.last() == Some(&Token::Mark('{'));
                let below = if nested { selection(tokens)? } else { Vec::new() };
                fields.push(Field { name, arguments, fields: below });
            }
            _ => return None,
        }
    }
}

fn arguments(tokens: &mut Vec<Token>) -> Option<Vec<(String, Argument)>> {
    tokens.pop();
    let mut found = Vec::new();
    loop {
        match tokens.pop()? {
            Token::Mark(')') => return Some(found),
            Token::Word(name) => {
                if tokens.pop()? != Token::Mark(':') {
                    return None;
                }
                let argument = match tokens.pop()? {
                    Token::Mark('$') => match tokens.pop()? {
                        Token::Word(variable) => Argument::Variable(variable),
                        _ => return None,
                    },
                    Token::Text(text) => Argument::Literal(json!(text)),
                    Token::Word(word) => Argument::Literal(
                        word.parse::<u64>().map_or_else(|_no_number| json!(word), Value::from),
                    ),
                    Token::Mark(_) => return None,
                };
                found.push((name, argument));
            }
            _ => return None,
        }
    }
}

impl Field {
    /// The value of an argument, if it is given.
    pub(crate) fn argument<'a>(&'a self, name: &str, variables: &'a Value) -> Option<&'a Value> {
        let (_, argument) = self.arguments.iter().find(|(known, _)| known == name)?;
        match argument {
            Argument::Literal(value) => Some(value),
            Argument::Variable(variable) => variables.get(variable).filter(|value| !value.is_null()),
        }
    }

    /// How many are asked for of a list, if it is told.
    pub(crate) fn first(&self, variables: &Value) -> Option<usize> {
        usize::try_from(self.argument("first", variables)?.as_u64()?).ok()
    }

    /// What is selected of the nodes, if it is a connection.
    pub(crate) fn nodes(&self) -> Option<&[Field]> {
        let named = |fields: &'_ [Field], name: &str| fields.iter().position(|field| field.name == name);
        if let Some(at) = named(&self.fields, "nodes") {
            return self.fields.get(at).map(|nodes| nodes.fields.as_slice());
        }
        let edges = self.fields.get(named(&self.fields, "edges")?)?;
        edges.fields.get(named(&edges.fields, "node")?).map(|node| node.fields.as_slice())
    }

    /// What it asks for, by the costs that were seen: amounts are free, an object or a list is 1, a connection
    /// 2 and more the more it holds, but not in proportion.
    pub(crate) fn cost(&self, variables: &Value) -> u32 {
        let all = |fields: &[Self]| fields.iter().map(|field| field.cost(variables)).sum::<u32>();
        if self.fields.is_empty() || self.name == "pageInfo" {
            return 0;
        }
        if self.name.ends_with("Set") || self.name.ends_with("Money") {
            return 0;
        }
        match self.nodes() {
            Some(nodes) => 2 + times(self.first(variables).unwrap_or(250)) * (1 + all(nodes)),
            None => 1 + all(&self.fields),
        }
    }
}

/// How often a connection of so many counts what is in it.
fn times(first: usize) -> u32 {
    let seen = [(0, 0), (1, 1), (3, 2), (5, 3), (10, 4), (20, 5), (25, 6), (50, 7), (100, 9)];
    seen.into_iter().find(|(up_to, _)| first <= *up_to).map_or(11, |(_, times)| times)
}

/// `value` with only what is selected; else the name of a field that is not there.
pub(crate) fn project(value: &Value, fields: &[Field], variables: &Value) -> Result<Value, String> {
    match value {
        Value::Object(object) => {
            let field = |field: &Field| Ok((field.name.clone(), below(object, field, variables)?));
            fields.iter().map(field).collect::<Result<Map<_, _>, _>>().map(Value::Object)
        }
        Value::Array(items) => items.iter().map(|item| project(item, fields, variables)).collect(),
        other => Ok(other.clone()),
    }
}

fn below(object: &Map<String, Value>, field: &Field, variables: &Value) -> Result<Value, String> {
    let value = object.get(&field.name).ok_or_else(|| field.name.clone())?;
    let first = field.first(variables);
    let shown = match (value.get(CONNECTION).and_then(Value::as_array), value) {
        (Some(nodes), _) => {
            let after = field.argument("after", variables).and_then(Value::as_str);
            let seen = after.and_then(|after| after.strip_prefix("entry-")?.parse().ok()).unwrap_or(0);
            page(nodes, seen, first.unwrap_or(0))
        }
        // A list tells nothing of what it leaves out.
        (None, Value::Array(items)) => items.iter().take(first.unwrap_or(usize::MAX)).cloned().collect(),
        _ => value.clone(),
    };
    project(&shown, &field.fields, variables)
}

fn page(nodes: &[Value], seen: usize, first: usize) -> Value {
    let shown: Vec<&Value> = nodes.iter().skip(seen).take(first).collect();
    let end = seen + shown.len();
    json!({
        "nodes": shown,
        "edges": shown.iter().map(|node| json!({ "node": node })).collect::<Vec<_>>(),
        "pageInfo": { "hasNextPage": end < nodes.len(), "endCursor": format!("entry-{end}") },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_selected_is_shown_and_a_cut_connection_tells_so() {
        let document = "query Q($id: ID!, $n: Int) { order(id: $id) { id lines(first: $n) { nodes { id } \
pageInfo { hasNextPage endCursor } } parts(first: 1) { id } } }";
        let parsed = parse(document).unwrap();
        let node = |id: u32| json!({ "id": id, "name": "hidden" });
        let all: Vec<Value> = (1..=3).map(node).collect();
        let root = json!({ "order": { "id": 7, "name": "x", "lines": { CONNECTION: all }, "parts": all } });
        let shown = project(&root, &parsed, &json!({ "n": 2 })).unwrap();
        let expected = json!({ "order": {
            "id": 7,
            "lines": { "nodes": [{ "id": 1 }, { "id": 2 }],
                "pageInfo": { "hasNextPage": true, "endCursor": "entry-2" } },
            "parts": [{ "id": 1 }],
        }});
        assert_eq!(shown, expected);
        let unknown = parse("{ order { colour } }").unwrap();
        assert_eq!(project(&root, &unknown, &json!({})).unwrap_err(), "colour");
    }

    #[test]
    fn costs_are_as_they_were_seen() {
        for (document, cost) in [
            ("{ products(first: 1) { nodes { id } } }", 3),
            ("{ publications(first: 50) { nodes { id name } } }", 9),
            ("{ validations(first: 50) { nodes { id shopifyFunction { id } } } }", 16),
            ("{ product(id: 1) { id variants(first: 10) { nodes { id } } } }", 7),
            ("{ carrierServices(first: 250) { nodes { id } } }", 13),
        ] {
            let parsed = parse(document).unwrap();
            assert_eq!(parsed.iter().map(|root| root.cost(&json!({}))).sum::<u32>(), cost, "{document}");
        }
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for bad in ["", "{", "{ a", "{ a }}", "query", "{ a(first 1) }", "{ a(b: ) }"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
