//! Named points at which the fault suite stops, kills or freezes a process. Without the feature
//! `faultpoints`, which only the tests' binaries have, they are nothing.
//!
//! A point is armed by a file of its name in the folder that `TRADEUP_FAULTPOINTS` names. Whoever comes by
//! first takes the file (it becomes `<name>.<process id>`), and stays at the point until that is gone.

/// Between what is named: nothing happens here unless the point is armed.
#[cfg(not(feature = "faultpoints"))]
#[inline]
#[expect(clippy::unused_async, reason = "with the feature it waits")]
pub async fn reached(_name: &'static str) {}

/// Stays here while the point is armed for this process.
#[cfg(feature = "faultpoints")]
pub async fn reached(name: &'static str) {
    use std::path::PathBuf;
    use std::sync::LazyLock;
    use std::time::Duration;
    use tokio::time::sleep;

    static FOLDER: LazyLock<Option<PathBuf>> =
        LazyLock::new(|| std::env::var_os("TRADEUP_FAULTPOINTS").map(PathBuf::from));

    let Some(folder) = FOLDER.as_ref() else { return };
    let taken = folder.join(format!("{name}.{}", std::process::id()));
    // Of several that come by, renaming lets one have it.
    if std::fs::rename(folder.join(name), &taken).is_err() {
        return;
    }
    tracing::info!(point = name, "fault point reached");
    while taken.exists() {
        sleep(Duration::from_millis(2)).await;
    }
}
