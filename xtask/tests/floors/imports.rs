//! Which module of a crate names which other one, read from the source. What only tests name does not count, and a name
//! that is re-exported is its own module's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The modules that each module names, as paths without `crate::`; the root is the empty path. A module is a file.
pub type Imports = BTreeMap<String, BTreeSet<String>>;

/// A path as it stands in the source, and the module (inline ones too) that it stands in.
type Named = (Vec<String>, Vec<String>);

/// What one file says.
#[derive(Default)]
struct File {
    /// Paths that are used.
    uses: Vec<Named>,
    /// Names that are handed on, and their paths.
    exports: BTreeMap<String, Named>,
    /// Modules that it declares, inline ones too: names in it may begin with them.
    children: BTreeSet<String>,
}

/// Reads a crate from its root file.
pub fn imports(root: &Path) -> Imports {
    let mut files = BTreeMap::new();
    read(root, root.parent().expect("a folder"), &[], &mut files);
    let named = |(path, at): &Named| resolve(path, at, &files, 0);
    let of = |(module, file): (&Vec<String>, &File)| {
        let targets = file.uses.iter().filter_map(named).filter(|target| target != module);
        (module.join("::"), targets.map(|target| target.join("::")).collect())
    };
    files.iter().map(of).collect()
}

/// A module in a file of its own, and the file where it is named.
type Declared = (String, Option<String>);

/// Reads a file and those of the modules that it declares, which lie in `folder`.
fn read(path: &Path, folder: &Path, module: &[String], files: &mut BTreeMap<Vec<String>, File>) {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (mut file, mut declared) = (File::default(), Vec::new());
    scan(&tokens.into_iter().collect::<Vec<_>>(), module, &mut file, &mut declared);
    for (name, path) in declared {
        let inside = folder.join(&name);
        let flat = path.map_or_else(|| inside.with_extension("rs"), |path| folder.join(path));
        let below = [module, &[name]].concat();
        let child = if flat.exists() { flat } else { inside.join("mod.rs") };
        read(&child, &inside, &below, files);
    }
    files.insert(module.to_vec(), file);
}

fn ident(tree: Option<&TokenTree>) -> Option<String> {
    match tree {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    }
}

fn is_punct(tree: Option<&TokenTree>, which: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == which)
}

fn is_path_separator(trees: &[TokenTree], at: usize) -> bool {
    is_punct(trees.get(at), ':') && is_punct(trees.get(at + 1), ':')
}

/// Where the item that begins at `at` ends: behind a semicolon, or behind its body.
fn item_end(trees: &[TokenTree], at: usize) -> usize {
    let body_ends = !trees[at..].iter().take(4).any(|tree| ident(Some(tree)).is_some_and(|word| word == "use"));
    let ends = |tree: &TokenTree| match tree {
        TokenTree::Group(group) => body_ends && group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    };
    trees[at..].iter().position(ends).map_or(trees.len(), |length| at + length + 1)
}

/// Whether an attribute leaves its item to tests.
fn is_for_tests(attribute: &TokenTree) -> bool {
    let text = attribute.to_string().replace(' ', "");
    text.starts_with("[cfg(test") || text.starts_with("[cfg(all(test")
}

/// Reads tokens of the module `at` into `file`; names of modules in files of their own into `declared`.
fn scan(trees: &[TokenTree], at: &[String], file: &mut File, declared: &mut Vec<Declared>) {
    let mut here = 0;
    // Declared first: names may stand before them.
    for (nth, tree) in trees.iter().enumerate() {
        if ident(Some(tree)).is_some_and(|word| word == "mod") {
            file.children.extend(ident(trees.get(nth + 1)));
        }
    }
    while let Some(tree) = trees.get(here) {
        if is_punct(Some(tree), '#') && trees.get(here + 1).is_some_and(is_for_tests) {
            here = item_end(trees, here + 2);
        } else if is_punct(Some(tree), '#') && matches!(trees.get(here + 1), Some(TokenTree::Group(_))) {
            here += 2; // other attributes, documentation among them
        } else if let TokenTree::Group(group) = tree {
            scan(&group.stream().into_iter().collect::<Vec<_>>(), at, file, declared);
            here += 1;
        } else {
            here = match ident(Some(tree)).as_deref() {
                Some("mod") => module(trees, here, at, file, declared),
                Some("use") => import(trees, here, at, file),
                Some(word) if is_path_separator(trees, here + 1) && !is_path_separator(trees, here.wrapping_sub(2)) => {
                    path(trees, here, word, at, file)
                }
                _ => here + 1,
            };
        }
    }
}

/// A module that is declared or stands there.
fn module(trees: &[TokenTree], here: usize, at: &[String], file: &mut File, declared: &mut Vec<Declared>) -> usize {
    let Some(name) = ident(trees.get(here + 1)) else { return here + 1 };
    match trees.get(here + 2) {
        Some(TokenTree::Group(body)) => {
            scan(&body.stream().into_iter().collect::<Vec<_>>(), &[at, &[name]].concat(), file, declared);
        }
        _ => {
            let attribute = here.checked_sub(1).and_then(|before| trees.get(before)).map(ToString::to_string);
            let path = attribute.and_then(|text| Some(text.split_once("path = \"")?.1.split_once('"')?.0.to_owned()));
            declared.push((name, path));
        }
    }
    here + 3
}

/// A `use`, which hands on where `pub` stands before it.
fn import(trees: &[TokenTree], here: usize, at: &[String], file: &mut File) -> usize {
    let end = item_end(trees, here);
    let before = |back: usize| here.checked_sub(back).and_then(|place| trees.get(place));
    let hands_on = [1, 2].iter().any(|back| ident(before(*back)).is_some_and(|word| word == "pub"));
    let mut leaves = Vec::new();
    tree(&trees[here + 1..end], &[], &mut leaves);
    for (path, name) in leaves {
        if hands_on {
            file.exports.insert(name, (path, at.to_vec()));
        } else if starts_here(&path, file) {
            file.uses.push((path, at.to_vec()));
        }
    }
    end
}

/// The leaves of a tree of imports, each with the name that it gets.
fn tree(trees: &[TokenTree], before: &[String], leaves: &mut Vec<(Vec<String>, String)>) {
    let mut path = before.to_vec();
    let mut name = None;
    let mut here = 0;
    while let Some(each) = trees.get(here) {
        match each {
            TokenTree::Ident(word) if *word == "as" => {
                name = ident(trees.get(here + 1));
                here += 1;
            }
            TokenTree::Ident(word) if *word == "self" && !path.is_empty() => {}
            TokenTree::Ident(word) => path.push(word.to_string()),
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for part in inner.split(|tree| is_punct(Some(tree), ',')).filter(|part| !part.is_empty()) {
                    tree(part, &path, leaves);
                }
                return;
            }
            _ => {}
        }
        here += 1;
    }
    let last = path.last().cloned().unwrap_or_default();
    leaves.push((path, name.unwrap_or(last)));
}

/// Whether a path leads into this crate.
fn starts_here(path: &[String], file: &File) -> bool {
    path.first()
        .is_some_and(|first| ["crate", "self", "super"].contains(&first.as_str()) || file.children.contains(first))
}

/// A path in the middle of code.
fn path(trees: &[TokenTree], here: usize, first: &str, at: &[String], file: &mut File) -> usize {
    let mut path = vec![first.to_owned()];
    let mut end = here + 1;
    while is_path_separator(trees, end) {
        let Some(word) = ident(trees.get(end + 2)) else { break };
        path.push(word);
        end += 3;
    }
    if starts_here(&path, file) {
        file.uses.push((path, at.to_vec()));
    }
    end.max(here + 1)
}

/// The module that a path leads to, re-exports followed; `None` where it leads out of the crate.
fn resolve(path: &[String], at: &[String], files: &BTreeMap<Vec<String>, File>, depth: usize) -> Option<Vec<String>> {
    let mut from = at.to_vec();
    let mut rest = path;
    while let [first, tail @ ..] = rest {
        match first.as_str() {
            "crate" => from.clear(),
            "super" => drop(from.pop()),
            "self" => {}
            _ => break,
        }
        rest = tail;
    }
    let mut full = from.clone();
    full.extend(rest.iter().cloned());
    let known = (0..=full.len()).rev().find(|length| files.contains_key(&full[..*length]))?;
    let (module, inside) = full.split_at(known);
    let export = inside.first().and_then(|name| files[module].exports.get(name));
    match export {
        Some((path, at)) if depth < 8 => resolve(path, at, files, depth + 1),
        _ => Some(module.to_vec()),
    }
}
