// A plugin is never unloaded. rustc itself exports nothing but the #[no_mangle] entry.
fn main() {
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo:rerun-if-changed=build.rs");
}
