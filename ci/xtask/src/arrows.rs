//! Who may depend on whom. `cargo xtask check` compares this with `cargo metadata`.
//!
//! A new arrow is a decision: add it here, and if it changes the shape, a page in docs/decisions.

/// What a package of ours may depend on in its product code.
pub struct Allowed {
    /// The package.
    pub package: &'static str,
    /// Packages of ours that it may use, directly.
    pub normal: &'static [&'static str],
    /// The same for its tests, benches and examples, beyond `normal`.
    pub dev: &'static [&'static str],
}

/// The whole table; a package that is not in it is an error.
pub const ARROWS: &[Allowed] = &[
    // The specification stands alone: it is enough to build and to judge a device.
    allow("rnic-abi", &[], &[]),
    allow("rnic-platform", &["rnic-abi"], &[]),
    allow("rnic-codegen", &[], &[]),
    allow("rnic-conformance", &["rnic-abi", "rnic-platform"], &[]),
    // The device.
    allow("rnic-wire", &[], &[]),
    allow("rnic-mutant", &[], &[]),
    allow("rnic-transport", &["rnic-wire", "rnic-mutant"], &[]),
    allow("pci-function", &[], &[]),
    // rnic-wire for the number types (Psn, Qpn) that appear in the transport's interface.
    allow(
        "rnic-core",
        &[
            "rnic-abi",
            "rnic-transport",
            "rnic-wire",
            "rnic-mutant",
            "pci-function",
        ],
        &[],
    ),
    allow(
        "rnic-firmware",
        &[
            "rnic-abi",
            "rnic-core",
            "rnic-transport",
            "rnic-wire",
            "rnic-mutant",
        ],
        &[],
    ),
    allow("vfio-user-server", &[], &[]),
    // Drives everything that reads a guest, a wire or a socket; nothing depends on it.
    allow(
        "rnic-fuzz",
        &[
            "rnic-abi",
            "rnic-wire",
            "rnic-core",
            "rnic-firmware",
            "vfio-user-server",
        ],
        &[],
    ),
    allow("rnic-net", &["rnic-wire"], &[]),
    allow(
        "rnic-sim",
        &[
            "rnic-abi",
            "rnic-platform",
            "rnic-core",
            "rnic-firmware",
            "rnic-transport",
            "rnic-wire",
            "rnic-net",
            "rnic-driver-core",
        ],
        &["rnic-conformance"],
    ),
    allow(
        "rnic",
        &[
            "rnic-abi",
            "rnic-core",
            "rnic-firmware",
            "rnic-transport",
            "rnic-wire",
            "rnic-net",
            "vfio-user-server",
            "rnic-driver-host",
        ],
        &[],
    ),
    // The driver: nothing of the device.
    allow("rnic-driver-core", &["rnic-abi", "rnic-platform"], &[]),
    allow(
        "rnic-driver-host",
        &[
            "rnic-abi",
            "rnic-platform",
            "rnic-driver-core",
            "rnic-conformance",
        ],
        &[],
    ),
    // Windows.
    allow("ndis-sys", &[], &[]),
    allow(
        "rnic-ndk",
        &["ndis-sys", "rnic-abi", "rnic-platform", "rnic-driver-core"],
        &["ndk-consumer", "rnic-sim"],
    ),
    allow(
        "rnic-ndis",
        &[
            "ndis-sys",
            "rnic-abi",
            "rnic-platform",
            "rnic-driver-core",
            "rnic-ndk",
        ],
        &[],
    ),
    allow("ndk-consumer", &["ndis-sys"], &[]),
    allow(
        "rnic-nt-host",
        &["ndis-sys", "rnic-abi", "rnic-driver-host", "ndk-consumer"],
        &[],
    ),
    allow("bad-driver", &["ndis-sys"], &[]),
    // In the place of Windows' boot loader, to try ci/windows/run.sh.
    allow("stand-in", &[], &[]),
    // Tools.
    allow("xtask", &["rnic-codegen"], &[]),
];

/// Packages whose tests may look over a wall, each to one other: docs/decisions/0007-ndk-tested-in-process.md.
pub const WINDOWS_IN_WALLS: &[(&str, &str)] = &[("rnic-ndk", "rnic-sim")];

/// Folders of which the first may not depend on the second, for tests neither but for the windows, whatever the
/// table says.
pub const WALLS: &[(&str, &str)] = &[
    ("firmware-spec", "device-model"),
    ("guest-driver", "device-model"),
];

/// Crates of which the lock file may hold one version only, because their types meet.
pub const ONE_VERSION: &[&str] = &["vm-memory", "vmm-sys-util"];

const fn allow(
    package: &'static str,
    normal: &'static [&'static str],
    dev: &'static [&'static str],
) -> Allowed {
    Allowed {
        package,
        normal,
        dev,
    }
}
