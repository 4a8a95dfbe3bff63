//! How the linker makes a kernel driver of the binary.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
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
        "/VERSION:10.0",
        "/GUARD:NO",
        "/SECTION:INIT,ERD",
        "/SECTION:PAGE,ER",
        "/OPT:NOICF",
        "/RELEASE",
        "/Brepro",
    ] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
