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

fn found(surroundings: &Surroundings) -> Vec<(PathBuf, Source)> {
    search(surroundings).unwrap().candidates.into_iter().map(|candidate| (candidate.path, candidate.source)).collect()
}

#[test]
fn the_order_is_settings_variable_environment_path_library_folder() {
    let tree = Tree::new();
    let explicit = tree.file("explicit.so");
    let variable = tree.file("variable.so");
    let environment = tree.file(&format!("venv/lib/python3.11/site-packages/acquire_zarr/{MODULE}"));
    tree.file("prefix/bin/python3");
    let python = tree.file(&format!("prefix/lib/python3.12/site-packages/acquire_zarr/{MODULE}"));
    let user = tree.file(&format!("home/.local/lib/python3.12/site-packages/acquire_zarr/{MODULE}"));
    let library = tree.file("lib/libacquire_zarr.so");
    let mut surroundings = Surroundings {
        explicit: Some(explicit.clone()),
        variable: Some(variable.clone().into()),
        virtual_environments: vec![tree.path("venv")],
        path: vec![tree.path("prefix/bin")],
        user_prefix: Some(tree.path("home/.local")),
        library_folders: vec![tree.path("lib")],
    };
    assert_eq!(found(&surroundings), [(explicit, Source::Settings)]);
    surroundings.explicit = None;
    assert_eq!(found(&surroundings), [(variable, Source::Variable)]);
    surroundings.variable = None;
    assert_eq!(
        found(&surroundings),
        [
            (environment, Source::VirtualEnvironment),
            (python, Source::Python),
            (user, Source::Python),
            (library, Source::LibraryFolder)
        ]
    );
}

#[test]
fn a_named_path_that_is_absent_is_an_error_even_when_another_library_is_there() {
    let tree = Tree::new();
    tree.file(&format!("venv/lib/python3.11/site-packages/acquire_zarr/{MODULE}"));
    let mut surroundings = Surroundings {
        variable: Some(tree.path("absent.so").into()),
        virtual_environments: vec![tree.path("venv")],
        ..Surroundings::default()
    };
    let error = search(&surroundings).unwrap_err();
    assert!(error.to_string().contains(VARIABLE), "{error}");
    surroundings.explicit = Some(tree.path("absent too.so"));
    let error = search(&surroundings).unwrap_err();
    assert!(error.to_string().contains("absent too.so"), "{error}");
}

#[test]
fn a_named_folder_may_be_the_package_its_parent_the_environment_or_a_library_folder() {
    let tree = Tree::new();
    let site = "venv/lib/python3.11/site-packages";
    let module = tree.file(&format!("{site}/acquire_zarr/{MODULE}"));
    let library = tree.file("lib/libacquire-zarr.so");
    for (folder, file) in [
        (format!("{site}/acquire_zarr"), &module),
        (site.to_owned(), &module),
        ("venv".to_owned(), &module),
        ("lib".to_owned(), &library),
    ] {
        let surroundings = Surroundings { explicit: Some(tree.path(&folder)), ..Surroundings::default() };
        assert_eq!(found(&surroundings), [(file.clone(), Source::Settings)], "{folder}");
    }
}

#[test]
fn newer_pythons_come_first_by_number_not_by_letter() {
    let tree = Tree::new();
    let nine = tree.file(&format!("venv/lib/python3.9/site-packages/acquire_zarr/{MODULE}"));
    let eleven = tree.file(&format!("venv/lib/python3.11/site-packages/acquire_zarr/{MODULE}"));
    let free = tree.file(&format!("venv/lib/python3.13t/site-packages/acquire_zarr/{MODULE}"));
    tree.file(&format!("venv/lib/pythonic/site-packages/acquire_zarr/{MODULE}"));
    let surroundings = Surroundings { virtual_environments: vec![tree.path("venv")], ..Surroundings::default() };
    let paths: Vec<_> = found(&surroundings).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, [free, eleven, nine]);
}

#[test]
fn the_layouts_of_debian_and_windows_are_known() {
    let tree = Tree::new();
    tree.file("usr/bin/python3");
    let debian = tree.file(&format!("usr/lib/python3/dist-packages/acquire_zarr/{MODULE}"));
    tree.file("venv/Scripts/python.exe");
    let scripts = tree.file("venv/Lib/site-packages/acquire_zarr/__init__.cp312-win_amd64.pyd");
    tree.file("Python312/python.exe");
    let plain = tree.file("Python312/Lib/site-packages/acquire_zarr/__init__.cp312-win_amd64.pyd");
    for (folder, file) in [("usr/bin", debian), ("venv/Scripts", scripts), ("Python312", plain)] {
        let surroundings = Surroundings { path: vec![tree.path(folder)], ..Surroundings::default() };
        assert_eq!(found(&surroundings), [(file, Source::Python)], "{folder}");
    }
}

#[test]
fn a_folder_on_the_path_without_a_python_is_passed_over() {
    let tree = Tree::new();
    tree.file("prefix/bin/ls");
    tree.file(&format!("prefix/lib/python3.12/site-packages/acquire_zarr/{MODULE}"));
    let surroundings = Surroundings { path: vec![tree.path("prefix/bin")], ..Surroundings::default() };
    assert_eq!(search(&surroundings).unwrap(), Search::default());
}

#[test]
fn pyenv_s_shims_lead_to_its_versions() {
    let tree = Tree::new();
    tree.file("pyenv/shims/python3");
    let module = tree.file(&format!("pyenv/versions/3.11.7/lib/python3.11/site-packages/acquire_zarr/{MODULE}"));
    let surroundings = Surroundings { path: vec![tree.path("pyenv/shims")], ..Surroundings::default() };
    assert_eq!(found(&surroundings), [(module, Source::Python)]);
}

#[cfg(unix)]
#[test]
fn an_interpreter_that_is_a_link_leads_to_its_own_packages() {
    let tree = Tree::new();
    let target = tree.file("managed/bin/python3.12");
    let module = tree.file(&format!("managed/lib/python3.12/site-packages/acquire_zarr/{MODULE}"));
    fs::create_dir_all(tree.path("bin")).unwrap();
    std::os::unix::fs::symlink(target, tree.path("bin/python3")).unwrap();
    let surroundings = Surroundings { path: vec![tree.path("bin")], ..Surroundings::default() };
    assert_eq!(found(&surroundings).iter().map(|(path, _)| real(path)).collect::<Vec<_>>(), [real(&module)]);
}

#[cfg(unix)]
#[test]
fn a_library_that_several_names_lead_to_is_tried_once() {
    let tree = Tree::new();
    tree.file("venv/bin/python3");
    let module = tree.file(&format!("venv/lib/python3.11/site-packages/acquire_zarr/{MODULE}"));
    std::os::unix::fs::symlink("lib", tree.path("venv/lib64")).unwrap();
    let surroundings = Surroundings {
        virtual_environments: vec![tree.path("venv"), tree.path("venv")],
        path: vec![tree.path("venv/bin")],
        ..Surroundings::default()
    };
    assert_eq!(found(&surroundings), [(module, Source::VirtualEnvironment)]);
}

#[test]
fn other_files_of_the_package_are_not_taken_for_the_library() {
    let tree = Tree::new();
    for name in ["__init__.pyi", "__init__.py", "py.typed", "_helper.so"] {
        tree.file(&format!("venv/lib/python3.11/site-packages/acquire_zarr/{name}"));
    }
    let surroundings = Surroundings { virtual_environments: vec![tree.path("venv")], ..Surroundings::default() };
    let search = search(&surroundings).unwrap();
    assert_eq!(search.candidates, []);
    assert_eq!(search.searched, [tree.path("venv/lib/python3.11/site-packages")]);
}
