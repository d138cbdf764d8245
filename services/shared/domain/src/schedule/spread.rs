//! How far after its fire time a tenant's run starts, so that they do not all start at once.

use chrono::TimeDelta;
use uuid::Uuid;

use crate::Handle;

/// Names of the spread hash from all other version-5 UUIDs. Never to change: it would move every
/// tenant's start.
const NAMESPACE: Uuid = Uuid::from_u128(0x5b0d_6a3e_8f4c_4e0b_9a57_3d1c_72e8_46f1);

/// How long after the fire time the run of this tenant starts: from zero up to but not including
/// `window`, to the millisecond, even over the tenants, and the same for ever. Zero for a window
/// that is not positive.
///
/// The fire time itself does not move: it stays the key by which a fire is decided once, and by
/// which a run says what it is about.
///
/// The number comes from a version-5 UUID (RFC 9562: SHA-1 of namespace and name), because that
/// is a written standard, so no release of a library or a compiler can change it, and because
/// the engine uses that crate already. Its first 48 bits are all hash; 2^48 milliseconds are
/// 8,900 years, so a window of days is hit evenly.
#[must_use]
pub fn spread(schedule: &str, tenant: &Handle, window: TimeDelta) -> TimeDelta {
    // A handle has no slash, so no two pairs share a name.
    let name = format!("{tenant}/{schedule}");
    let hash = Uuid::new_v5(&NAMESPACE, name.as_bytes()).as_u128() >> 80;
    let window = u128::try_from(window.num_milliseconds()).unwrap_or(0);
    let offset = (hash * window) >> 48;
    i64::try_from(offset).map_or(TimeDelta::zero(), TimeDelta::milliseconds)
}
