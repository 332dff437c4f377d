use std::fs;

use tempfile::TempDir;

use super::*;

const MODULE: &str = "__init__.cpython-311-x86_64-linux-gnu.so";

/// Folders made for one test.
struct Tree(TempDir);

impl Tree {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.0.path().join(relative)
    }

    /// Makes an empty file and the folders above it.
    fn file(&self, relative: &str) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        path
    }
}

fn found(surroundings: &Surroundings) -> Vec<(PathBuf, &'static str)> {
    search(surroundings).candidates
}

/// What is found with nothing but this folder on the `PATH`.
fn found_on_path(folder: PathBuf) -> Vec<PathBuf> {
    let surroundings = Surroundings { path: vec![folder], ..Surroundings::default() };
    found(&surroundings).into_iter().map(|(path, _)| path).collect()
}

fn in_environment(tree: &Tree) -> Surroundings {
    Surroundings { virtual_environments: vec![tree.path("venv")], ..Surroundings::default() }
}

#[test]
fn the_order_is_environment_path_user_library_folder() {
    let tree = Tree::new();
    let environment = tree.file(&format!("venv/lib/python3.11/site-packages/acquire_zarr/{MODULE}"));
    tree.file("prefix/bin/python3");
    let python = tree.file(&format!("prefix/lib/python3.12/site-packages/acquire_zarr/{MODULE}"));
    let user = tree.file(&format!("home/.local/lib/python3.12/site-packages/acquire_zarr/{MODULE}"));
    let library = tree.file("lib/libacquire_zarr.so");
    let surroundings = Surroundings {
        path: vec![tree.path("prefix/bin")],
        user_prefix: Some(tree.path("home/.local")),
        library_folders: vec![tree.path("lib")],
        ..in_environment(&tree)
    };
    let files: Vec<_> = found(&surroundings).into_iter().map(|(path, _)| path).collect();
    assert_eq!(files, [environment, python, user, library]);
}

#[test]
fn a_named_folder_may_be_any_of_four() {
    let tree = Tree::new();
    let site = "venv/lib/python3.11/site-packages";
    let module = tree.file(&format!("{site}/acquire_zarr/{MODULE}"));
    let library = tree.file("lib/libacquire-zarr.so");
    for (folder, file) in [
        (format!("{site}/acquire_zarr"), &module),
        (site.to_owned(), &module),
        ("venv".to_owned(), &module),
        ("lib".to_owned(), &library),
        ("lib/libacquire-zarr.so".to_owned(), &library),
    ] {
        assert_eq!(named(&tree.path(&folder)).as_ref(), Some(file), "{folder}");
    }
    assert_eq!(named(&tree.path("absent.so")), None);
    assert_eq!(named(&tree.path("venv/lib")), None);
}

#[test]
fn newer_pythons_come_first_by_number_not_by_letter() {
    let tree = Tree::new();
    let nine = tree.file(&format!("venv/lib/python3.9/site-packages/acquire_zarr/{MODULE}"));
    let eleven = tree.file(&format!("venv/lib/python3.11/site-packages/acquire_zarr/{MODULE}"));
    let free = tree.file(&format!("venv/lib/python3.13t/site-packages/acquire_zarr/{MODULE}"));
    tree.file(&format!("venv/lib/pythonic/site-packages/acquire_zarr/{MODULE}"));
    let paths: Vec<_> = found(&in_environment(&tree)).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, [free, eleven, nine]);
}

#[test]
fn the_layouts_of_debian_and_pyenv_are_known() {
    let tree = Tree::new();
    tree.file("usr/bin/python3");
    let debian = tree.file(&format!("usr/lib/python3/dist-packages/acquire_zarr/{MODULE}"));
    assert_eq!(found_on_path(tree.path("usr/bin")), [debian]);
    tree.file("pyenv/shims/python3");
    let pyenv = tree.file(&format!("pyenv/versions/3.11.7/lib/python3.11/site-packages/acquire_zarr/{MODULE}"));
    assert_eq!(found_on_path(tree.path("pyenv/shims")), [pyenv]);
}

#[test]
fn a_folder_on_the_path_without_a_python_is_passed_over() {
    let tree = Tree::new();
    tree.file("prefix/bin/ls");
    tree.file(&format!("prefix/lib/python3.12/site-packages/acquire_zarr/{MODULE}"));
    assert_eq!(found_on_path(tree.path("prefix/bin")), Vec::<PathBuf>::new());
}

#[test]
fn an_interpreter_that_is_a_link_leads_to_its_own_packages() {
    let tree = Tree::new();
    let target = tree.file("managed/bin/python3.12");
    let module = tree.file(&format!("managed/lib/python3.12/site-packages/acquire_zarr/{MODULE}"));
    fs::create_dir_all(tree.path("bin")).unwrap();
    std::os::unix::fs::symlink(target, tree.path("bin/python3")).unwrap();
    let found = found_on_path(tree.path("bin"));
    assert_eq!(found.iter().map(|path| real(path)).collect::<Vec<_>>(), [real(&module)]);
}

#[test]
fn a_library_that_several_names_lead_to_is_tried_once() {
    let tree = Tree::new();
    tree.file("venv/bin/python3");
    let module = tree.file(&format!("venv/lib/python3.11/site-packages/acquire_zarr/{MODULE}"));
    std::os::unix::fs::symlink("lib", tree.path("venv/lib64")).unwrap();
    let surroundings = Surroundings { path: vec![tree.path("venv/bin")], ..in_environment(&tree) };
    assert_eq!(found(&surroundings), [(module, "active virtual environment")]);
}

#[test]
fn other_files_of_the_package_are_not_taken_for_the_library() {
    let tree = Tree::new();
    for name in ["__init__.pyi", "__init__.py", "py.typed", "_helper.so"] {
        tree.file(&format!("venv/lib/python3.11/site-packages/acquire_zarr/{name}"));
    }
    let search = search(&in_environment(&tree));
    assert_eq!(search.candidates, []);
    assert_eq!(search.searched, [tree.path("venv/lib/python3.11/site-packages")]);
}
