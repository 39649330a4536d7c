//! The plugin ABI of TimmyBot for Rust: `abi.rs` is made from the C headers, `help.rs` takes the edges off.
//! Both are plain files without inner attributes, so that a project outside the SDK can `include!` them.
#![allow(non_camel_case_types)]
include!("abi.rs");
include!("help.rs");
