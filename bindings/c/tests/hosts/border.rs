//! No exported function goes around the panic boundary.

use std::fs;

use syn::{Expr, Item, ItemFn, Stmt};

use super::build::package;

/// What an exported function may consist of: one call of one of these.
const BORDER: [&str; 3] = ["run", "run_keeping_message", "constant"];

/// The complaint about an exported function, if there is one.
fn complaint(function: &ItemFn) -> Option<String> {
    let name = function.sig.ident.to_string();
    if !name.starts_with("ome_stream_") {
        return Some(format!("{name}: exported under a foreign name"));
    }
    if !function.attrs.iter().any(|attribute| quoted(&attribute.meta).contains("no_mangle")) {
        return Some(format!("{name}: not exported: #[unsafe(no_mangle)] is missing"));
    }
    let [Stmt::Expr(Expr::Call(call), _)] = function.block.stmts.as_slice() else {
        return Some(format!("{name}: must be one call of border::run"));
    };
    let Some(kind) = BORDER.into_iter().find(|each| quoted(&call.func) == format!("border :: {each}")) else {
        return Some(format!("{name}: calls {} and not border::run", quoted(&call.func)));
    };
    // Arguments of `constant` are computed before the border is reached.
    if kind == "constant" && quoted(&call.args).contains(['!', '[', '{', '?', '+', '*', '/']) {
        return Some(format!("{name}: computes something outside border::run"));
    }
    // Arguments of the others must be a closure, which runs inside.
    if kind != "constant" && !matches!(call.args.first(), Some(Expr::Closure(_))) {
        return Some(format!("{name}: computes something outside border::{kind}"));
    }
    None
}

fn quoted(tokens: &impl quote::ToTokens) -> String {
    tokens.to_token_stream().to_string()
}

/// Exported functions and complaints of one source file.
fn inspected(text: &str) -> (usize, Vec<String>) {
    let file = syn::parse_file(text).expect("Rust source");
    let exported: Vec<_> = file
        .items
        .iter()
        .filter_map(|item| match item {
            Item::Fn(function) if function.sig.abi.is_some() => Some(function),
            _ => None,
        })
        .collect();
    let mut complaints: Vec<_> = exported.iter().filter_map(|function| complaint(function)).collect();
    // Also those that a module, a block or a macro hides.
    let written = text.matches("extern \"").count();
    if written != exported.len() {
        complaints.push(format!("{written} times `extern` and {} functions at the top of the file", exported.len()));
    }
    (exported.len(), complaints)
}

#[test]
fn every_exported_function_is_one_call_of_the_border() {
    let mut exported = 0;
    let files = ["src", "src/exports"].map(|folder| fs::read_dir(package(folder)).expect("the source"));
    for entry in files.into_iter().flatten() {
        let path = entry.expect("a file of the source").path();
        if path.is_dir() {
            continue;
        }
        let (count, complaints) = inspected(&fs::read_to_string(&path).expect("a file of the source"));
        assert_eq!(complaints, Vec::<String>::new(), "{}", path.display());
        assert!(
            count == 0 || path.ends_with("exports.rs") || path.starts_with(package("src/exports")),
            "{}: exported functions live in exports.rs and exports/",
            path.display()
        );
        exported += count;
    }
    assert!(exported >= 12, "only {exported} exported functions found");
}

#[test]
fn a_function_that_goes_around_the_border_is_found() {
    let around = [
        "#[unsafe(no_mangle)] pub extern \"C\" fn ome_stream_a() -> i32 { 0 }",
        "#[unsafe(no_mangle)] pub extern \"C\" fn ome_stream_a() -> i32 { let x = work(); border::run(|| Ok(x)) }",
        "#[unsafe(no_mangle)] pub extern \"C\" fn ome_stream_a() -> i32 { border::run(work()) }",
        "#[unsafe(no_mangle)] pub extern \"C\" fn ome_stream_a() -> i32 { border::constant(TABLE[3]) }",
        "#[unsafe(no_mangle)] pub extern \"C\" fn ome_stream_a() -> i32 { other::run(|| Ok(())) }",
        "#[unsafe(no_mangle)] pub extern \"C\" fn other_a() -> i32 { border::run(|| Ok(())) }",
        "pub extern \"C\" fn ome_stream_a() -> i32 { border::run(|| Ok(())) }",
        "mod inner { #[unsafe(no_mangle)] pub extern \"C\" fn ome_stream_a() -> i32 { border::run(|| Ok(())) } }",
        "make! { pub extern \"C\" fn ome_stream_a() -> i32 { 0 } }",
    ];
    for text in around {
        assert_eq!(inspected(text).1.len(), 1, "{text}");
    }
    let fine = "#[unsafe(no_mangle)] pub extern \"C\" fn ome_stream_a() -> i32 { border::run(|| Ok(())) }";
    assert_eq!(inspected(fine), (1, Vec::new()));
}
