//! The metadata files of a hierarchy, in any version: which groups there are, in which order they are written, and what
//! stands beside NGFF's own attributes. How an image is described is the versions' business (`v05`, `v06`).

use serde::Serialize;

use super::model::{Attributes, Hierarchy, Image};
use super::namespace::RESERVED_NAMESPACES;
use super::parts::{Omero, Writer};
use super::{ome_xml, v05, v06};
use crate::error::{Error, Result};
use crate::settings::NgffVersion;
use crate::zarr::{Document, group_v3};

/// What a group is, in the words of a version: its attribute `ome`.
#[derive(Serialize)]
#[serde(untagged)]
enum Ome<'a> {
    /// An image (spec: "multiscales" and "omero" metadata).
    Image {
        version: &'static str,
        multiscales: [Multiscale<'a>; 1],
        #[serde(skip_serializing_if = "Option::is_none")]
        omero: Option<Omero<'a>>,
    },
    /// The root over several images (spec: "bioformats2raw.layout").
    Collection {
        version: &'static str,
        #[serde(rename = "bioformats2raw.layout")]
        layout: u8,
    },
    /// The `OME` group beside them.
    Series { version: &'static str, series: Vec<&'a str> },
}

/// An image's own entry.
#[derive(Serialize)]
#[serde(untagged)]
enum Multiscale<'a> {
    V05(v05::Multiscale<'a>),
    V06(v06::Multiscale<'a>),
}

impl<'a> Ome<'a> {
    fn image(version: NgffVersion, image: &'a Image) -> Self {
        let multiscale = match version {
            NgffVersion::V0_4 | NgffVersion::V0_5 => Multiscale::V05(v05::Multiscale::of(image, None)),
            NgffVersion::V0_6 => Multiscale::V06(image.into()),
        };
        Self::Image { version: version.name(), multiscales: [multiscale], omero: Omero::of(image) }
    }

    fn collection(version: NgffVersion) -> Self {
        Self::Collection { version: version.name(), layout: 3 }
    }

    fn series(version: NgffVersion, series: Vec<&'a str>) -> Self {
        Self::Series { version: version.name(), series }
    }
}

#[derive(Serialize)]
struct GroupAttributes<'a> {
    ome: Ome<'a>,
    ome_stream: Writer<'a>,
    #[serde(flatten)]
    host: &'a Attributes,
    #[serde(flatten)]
    image: &'a Attributes,
}

/// Every metadata file of the hierarchy's groups in a version of OME-NGFF, each made when the iterator comes to it, in
/// the order in which they should be written: what is pointed at before what points, the root last. The arrays' own
/// metadata is not among them.
///
/// `root` are the host's namespaces, stored in the root group; `image_attributes` gives those of the image with that
/// number, stored in its group (frame metadata), and is asked when that image's turn comes, so that only one image's
/// are in memory.
///
/// Several images get `OME/METADATA.ome.xml` (spec: SHOULD), one `Image` for each group, where OME-XML has words for
/// their axes: x, y, z, c and t.
///
/// # Errors
/// At once what [`Hierarchy::validate`] finds; from the iterator [`Error::InvalidMetadata`] for an attribute whose name
/// NGFF or this library uses itself, and whatever `image_attributes` returns.
pub fn documents<'a>(
    version: NgffVersion,
    hierarchy: &'a Hierarchy,
    root: &'a Attributes,
    mut image_attributes: impl FnMut(usize) -> Result<Attributes> + 'a,
) -> Result<impl Iterator<Item = Result<Document>> + 'a> {
    hierarchy.validate()?;
    let none: &Attributes = &EMPTY;
    check_attributes(root, none)?;
    let images = hierarchy.images().enumerate().map(move |(number, (path, image))| {
        let attributes = image_attributes(number)?;
        let host = if path.is_empty() { root } else { none };
        check_attributes(&attributes, host)?;
        document(path, Ome::image(version, image), Writer::of(&image.channels), [host, &attributes])
    });
    let mut collection = Vec::new();
    if let Hierarchy::Series(series) = hierarchy {
        let xml = ome_xml::metadata_only(series.iter().map(|(path, image)| (path.as_str(), image)));
        let xml = xml.map(|text| Document { path: "OME/METADATA.ome.xml".into(), bytes: text.into_bytes() });
        collection.extend(xml.map(Ok));
        let paths = series.iter().map(|(path, _)| path.as_str()).collect();
        collection.push(document("OME", Ome::series(version, paths), Writer::of(&[]), [none, none]));
        collection.push(self::collection(version, root));
    }
    Ok(images.chain(collection))
}

/// The root's document over several images, with the host's namespaces: the last of [`documents`], which depends on none
/// of the images.
///
/// # Errors
/// [`Error::InvalidMetadata`] for an attribute whose name NGFF or this library uses itself.
pub fn collection(version: NgffVersion, root: &Attributes) -> Result<Document> {
    check_attributes(root, &EMPTY)?;
    document("", Ome::collection(version), Writer::of(&[]), [root, &EMPTY])
}

static EMPTY: Attributes = Attributes::new();

/// Attributes must take the place neither of what makes the group an image nor of `others` in the same group.
fn check_attributes(attributes: &Attributes, others: &Attributes) -> Result<()> {
    let reserved = |name: &str| name != "ome_writers" && RESERVED_NAMESPACES.contains(&name);
    match attributes.keys().find(|name| reserved(name) || others.contains_key(*name)) {
        None => Ok(()),
        Some(name) => Err(Error::InvalidMetadata {
            namespace: name.clone(),
            problem: "this name is already in use in this group".into(),
            remedy: "use another one, such as that of your program".into(),
        }),
    }
}

fn document(path: &str, ome: Ome<'_>, writer: Writer<'_>, [host, image]: [&Attributes; 2]) -> Result<Document> {
    let attributes = GroupAttributes { ome, ome_stream: writer, host, image };
    group_v3(path, &attributes).map_err(|cause| Error::Internal { place: "ngff", message: cause.to_string() })
}
