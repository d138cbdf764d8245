//! A text of a plan cut into what is said, what is cited, and what nobody can prove.

use crate::plan::Plan;
use crate::prose::{Kind, scan};

/// A piece of a text, in the order of reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Words.
    Text(String),
    /// A figure that a tool answered or that was reckoned from such.
    Figure {
        /// What it is cited by, like `F12`.
        id: String,
        /// For people.
        shown: String,
        /// What is counted.
        name: String,
    },
    /// Something that comes from no tool: it is to be marked as such.
    Unproven(String),
}

/// The pieces of a text of this plan. Whatever has digits and is neither [`Piece::Figure`] nor [`Piece::Unproven`] is a
/// phase, a week of the plan or a length of time.
#[must_use]
pub fn pieces(plan: &Plan, text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for span in scan(text, &plan.forms()) {
        let piece = match span.kind {
            Kind::Plain | Kind::Offer => Piece::Text(span.text.to_owned()),
            Kind::Cited(id) => match plan.figure(id) {
                Some((name, figure)) => {
                    Piece::Figure { id: id.to_owned(), shown: figure.shown(), name: name.to_owned() }
                }
                None => Piece::Unproven(id.to_owned()),
            },
            Kind::Broken | Kind::Digits | Kind::NumberWord | Kind::Sign | Kind::Markup => {
                Piece::Unproven(span.text.to_owned())
            }
        };
        push(&mut pieces, piece);
    }
    pieces
}

/// Neighbours of one sort become one piece; a space between two unproven ones belongs to them, as in `25 %`.
fn push(pieces: &mut Vec<Piece>, piece: Piece) {
    match (pieces.as_mut_slice(), piece) {
        ([.., Piece::Text(before)], Piece::Text(text)) => before.push_str(&text),
        ([.., Piece::Unproven(before)], Piece::Unproven(text)) => before.push_str(&text),
        ([.., Piece::Unproven(before), Piece::Text(space)], Piece::Unproven(text)) if space == " " => {
            before.push(' ');
            before.push_str(&text);
            pieces.pop();
        }
        (_, piece) => pieces.push(piece),
    }
}
