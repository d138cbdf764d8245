//! Who may do what in the console: roles, passwords, and the tokens of sessions. No I/O.

pub mod account;
mod password;
mod role;
mod token;

pub use password::{PasswordError, PasswordHash, WeakPassword};
pub use role::{Act, Role, UnknownRole};
pub use token::{FormToken, Kind, Session, SessionToken, SignIn, SignInToken, Token, User, UserToken};
