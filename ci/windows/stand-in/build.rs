//! How the linker makes a UEFI program of the binary.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("windows") {
        return;
    }
    for argument in [
        "/NODEFAULTLIB",
        "/SUBSYSTEM:EFI_APPLICATION",
        "/ENTRY:efi_main",
        "/DYNAMICBASE",
        "/GUARD:NO",
        "/Brepro",
    ] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
