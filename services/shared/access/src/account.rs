//! What a user of the console may be called, and whose staff they may be.

use crate::Role;

/// Longest name.
const NAME_LEN_MAX: usize = 100;

/// There can be no such user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The name is none.
    #[error("{0:?} is no user's name; use small letters, digits and ._@+-, beginning with a letter or digit")]
    Name(String),
    /// Who is known to the provider by an address has it for a name.
    #[error(
        "{0:?} is no e-mail address; by OpenID Connect a user's name is the address that the provider vouches for, \
         in small letters"
    )]
    Address(String),
    /// A shop's staff, of no shop.
    #[error("the role shop needs a tenant: whose staff they are")]
    NoTenant,
    /// Of a shop, and not its staff.
    #[error("a tenant goes with the role shop alone; others see all shops")]
    TenantOfOther,
}

/// That somebody may be called so.
///
/// # Errors
/// [`AccountError::Name`], and [`AccountError::Address`] of who signs in by OpenID Connect.
pub fn check_name(name: &str, oidc: bool) -> Result<(), AccountError> {
    let begins = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = |c: char| begins(c) || "._@+-".contains(c);
    if !name.starts_with(begins) || name.len() > NAME_LEN_MAX || !name.chars().all(fits) {
        return Err(AccountError::Name(name.to_owned()));
    }
    if oidc { check_address(name) } else { Ok(()) }
}

/// That a name is an address, as it has to be by OpenID Connect.
///
/// # Errors
/// [`AccountError::Address`].
pub fn check_address(name: &str) -> Result<(), AccountError> {
    let is_address =
        name.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'));
    if is_address && name.matches('@').count() == 1 {
        return Ok(());
    }
    Err(AccountError::Address(name.to_owned()))
}

/// That a shop goes with the role that somebody gets; with no role, none does.
///
/// # Errors
/// [`AccountError::NoTenant`] and [`AccountError::TenantOfOther`].
pub fn check_tenant(role: Option<Role>, has_tenant: bool) -> Result<(), AccountError> {
    match (role == Some(Role::Shop), has_tenant) {
        (true, false) => Err(AccountError::NoTenant),
        (false, true) => Err(AccountError::TenantOfOther),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_small_and_plain() {
        for name in ["ann", "7", "a.b_c@d+e-f", &"x".repeat(100)] {
            assert_eq!(check_name(name, false), Ok(()), "{name}");
        }
        for name in ["", "Ann", "-ann", "an n", "änn", "ann\n", &"x".repeat(101)] {
            assert_eq!(check_name(name, false), Err(AccountError::Name(name.to_owned())), "{name}");
        }
    }

    #[test]
    fn by_openid_connect_a_name_is_an_address() {
        assert_eq!(check_name("ann@example.com", true), Ok(()));
        for name in ["ann", "ann@example", "ann@b@example.com"] {
            assert_eq!(check_name(name, true), Err(AccountError::Address(name.to_owned())), "{name}");
        }
    }

    #[test]
    fn a_shop_goes_with_its_staff_alone() {
        assert_eq!(check_tenant(Some(Role::Shop), true), Ok(()));
        assert_eq!(check_tenant(Some(Role::Shop), false), Err(AccountError::NoTenant));
        assert_eq!(check_tenant(Some(Role::Admin), true), Err(AccountError::TenantOfOther));
        assert_eq!(check_tenant(None, true), Err(AccountError::TenantOfOther));
        assert_eq!(check_tenant(None, false), Ok(()));
    }
}
