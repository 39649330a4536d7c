//! The bindings have the layout of the C headers. `TIMMYBOT_LAYOUT` names a file as `sdk/tools/layout` prints it; without
//! it the headers are asked with cc and python3.
use std::process::Command;

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn of_the_headers() -> String {
    if let Ok(path) = std::env::var("TIMMYBOT_LAYOUT") {
        return std::fs::read_to_string(path).unwrap();
    }
    let sdk = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let folder = std::env::temp_dir().join(format!("timmybot-layout-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (source, program) = (folder.join("layout.c"), folder.join("layout"));
    std::fs::write(&source, run(&format!("{sdk}/tools/layout"), &[])).unwrap();
    run("cc", &["-I", &format!("{sdk}/include"), source.to_str().unwrap(), "-o", program.to_str().unwrap()]);
    let text = run(program.to_str().unwrap(), &[]);
    std::fs::remove_dir_all(&folder).unwrap();
    text
}

/// One line for each struct and field, in an order that does not depend on the headers'.
fn flat(text: &str) -> Vec<String> {
    let mut name = "";
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with(' ') {
            lines.push(format!("{name}.{}", line.trim()));
        } else {
            name = line.split(' ').next().unwrap();
            lines.push(line.to_string());
        }
    }
    lines.sort();
    lines
}

#[test]
fn the_bindings_have_the_layout_of_the_headers() {
    let expected = flat(&of_the_headers());
    assert!(expected.len() > 250, "only {} lines", expected.len());
    assert_eq!(flat(&timmybot_abi::layout()), expected);
}
