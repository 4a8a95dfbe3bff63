//! How the linker makes a kernel driver of the binary.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RNIC_VERSION_RESOURCE");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("windows") {
        return;
    }
    for argument in [
        "/NODEFAULTLIB",
        "/SUBSYSTEM:NATIVE,10.00",
        "/DRIVER",
        "/ENTRY:DriverEntry",
        "/DYNAMICBASE",
        "/NXCOMPAT",
        "/HIGHENTROPYVA",
        "/TSAWARE:NO",
        "/VERSION:10.0",
        "/GUARD:CF",
        // INIT is discarded after DriverEntry, PAGE may be paged out.
        "/SECTION:INIT,ERD",
        "/SECTION:PAGE,ER",
        "/OPT:REF",
        // Writes the checksum that Windows demands of drivers.
        "/RELEASE",
        "/Brepro",
    ] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    // Compiled from rnic.rc by `cargo xtask driver`.
    if let Ok(resource) = std::env::var("RNIC_VERSION_RESOURCE")
        && !resource.is_empty()
    {
        println!("cargo::rerun-if-changed={resource}");
        println!("cargo::rustc-link-arg-bins={resource}");
    }
}
