//! The metadata files of a hierarchy, in any version: which groups there are, in which order they are written, and what
//! stands beside NGFF's own attributes. How an image is described is the versions' business (`v05`, `v06`).

use serde::Serialize;

use super::model::{Attributes, Hierarchy, Image};
use super::namespace::RESERVED_NAMESPACES;
use super::parts::{Omero, Writer};
use super::planes::Planes;
use super::plate::{Plate, Well};
use super::plate_parts::{PlatePart, WellPart};
use super::{ome_xml, v05, v06};
use crate::error::{Error, Result};
use crate::settings::NgffVersion;
use crate::zarr::{self, Document};

/// What a group is, in the words of a version: its attribute `ome`.
#[derive(Serialize)]
#[serde(untagged)]
enum Ome<'a> {
    /// An image (spec: "multiscales" and "omero" metadata).
    Image {
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<&'static str>,
        multiscales: [Multiscale<'a>; 1],
        #[serde(skip_serializing_if = "Option::is_none")]
        omero: Option<Omero<'a>>,
    },
    /// The root over several images (spec: "bioformats2raw.layout").
    Collection {
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<&'static str>,
        #[serde(rename = "bioformats2raw.layout")]
        layout: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        scene: Option<v06::Scene<'a>>,
    },
    /// The `OME` group beside them.
    Series {
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<&'static str>,
        series: Vec<&'a str>,
    },
    /// The root over the rows of a plate (spec: "plate" metadata).
    Plate {
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<&'static str>,
        plate: PlatePart<'a>,
    },
    /// A well over its fields (spec: "well" metadata).
    Well {
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<&'static str>,
        well: WellPart<'a>,
    },
    /// A row of a plate, of which the specification says nothing.
    Row {},
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
            NgffVersion::V0_4 => Multiscale::V05(v05::Multiscale::of(image, Some(version.name()))),
            NgffVersion::V0_5 => Multiscale::V05(v05::Multiscale::of(image, None)),
            NgffVersion::V0_6 => Multiscale::V06(image.into()),
        };
        Self::Image { version: of_group(version), multiscales: [multiscale], omero: Omero::of(image) }
    }

    fn plate(version: NgffVersion, plate: &'a Plate) -> Self {
        Self::Plate { version: of_group(version), plate: PlatePart::of(plate, of_plate(version)) }
    }

    fn well(version: NgffVersion, well: &'a Well) -> Self {
        Self::Well { version: of_group(version), well: WellPart::of(well, of_plate(version)) }
    }

    fn collection(version: NgffVersion, hierarchy: &'a Hierarchy) -> Self {
        if let Hierarchy::Plate(plate, _) = hierarchy {
            return Self::plate(version, plate);
        }
        let scene = match (version, hierarchy) {
            (NgffVersion::V0_6, Hierarchy::Series(series)) => v06::Scene::of(series),
            _ => None,
        };
        Self::Collection { version: of_group(version), layout: 3, scene }
    }

    fn series(version: NgffVersion, series: Vec<&'a str>) -> Self {
        Self::Series { version: of_group(version), series }
    }
}

/// The version where each group tells it: up to 0.4 the parts of its metadata do.
fn of_group(version: NgffVersion) -> Option<&'static str> {
    (version != NgffVersion::V0_4).then(|| version.name())
}

/// The version where plates and wells tell it: up to 0.5 their text says that they MUST, beside that of the group.
fn of_plate(version: NgffVersion) -> Option<&'static str> {
    (version != NgffVersion::V0_6).then(|| version.name())
}

/// The attributes of a group.
#[derive(Serialize)]
struct GroupAttributes<'a> {
    #[serde(flatten)]
    ome: Place<'a>,
    ome_stream: Writer<'a>,
    #[serde(flatten)]
    host: &'a Attributes,
    #[serde(flatten)]
    image: &'a Attributes,
}

/// Where NGFF's own metadata stand.
#[derive(Serialize)]
#[serde(untagged)]
enum Place<'a> {
    /// Among the other attributes: up to 0.4.
    Among(Ome<'a>),
    /// In one attribute; none of a group of which there is nothing to say.
    Under {
        #[serde(skip_serializing_if = "Option::is_none")]
        ome: Option<Ome<'a>>,
    },
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
    image_attributes: impl FnMut(usize) -> Result<Attributes> + 'a,
) -> Result<impl Iterator<Item = Result<Document>> + 'a> {
    documents_with_planes(version, hierarchy, root, image_attributes, Planes::default)
}

/// As [`documents`], with what is known of single frames in `OME/METADATA.ome.xml`: for `planes` is asked when all
/// images have had their turn.
///
/// # Errors
/// As for [`documents`].
pub fn documents_with_planes<'a>(
    version: NgffVersion,
    hierarchy: &'a Hierarchy,
    root: &'a Attributes,
    mut image_attributes: impl FnMut(usize) -> Result<Attributes> + 'a,
    planes: impl FnOnce() -> Planes + 'a,
) -> Result<impl Iterator<Item = Result<Document>> + 'a> {
    hierarchy.validate()?;
    let none: &Attributes = &EMPTY;
    check_attributes(root, none)?;
    let images = hierarchy.images().enumerate().map(move |(number, (path, image))| {
        let attributes = image_attributes(number)?;
        let host = if path.is_empty() { root } else { none };
        check_attributes(&attributes, host)?;
        files(version, path, Ome::image(version, image), Writer::of(&image.channels), [host, &attributes])
    });
    let images = images.flat_map(|files| {
        let (files, error) = files.map_or_else(|error| (Vec::new(), Some(error)), |files| (files, None));
        files.into_iter().map(Ok).chain(error.map(Err))
    });
    let mut collection = Vec::new();
    if let Hierarchy::Plate(plate, _) = hierarchy {
        let mut group = |path: &str, ome| {
            let files = files(version, path, ome, Writer::of(&[]), [none, none])?;
            collection.extend(files.into_iter().map(Ok));
            Ok::<_, Error>(())
        };
        plate.wells.iter().try_for_each(|well| group(&plate.path_of(well), Ome::well(version, well)))?;
        plate.rows_with_wells().try_for_each(|row| group(row, Ome::Row {}))?;
        collection.extend(self::collection(version, hierarchy, root)?.into_iter().map(Ok));
    }
    if let Hierarchy::Series(series) = hierarchy {
        let paths = series.iter().map(|(path, _)| path.as_str()).collect();
        let order = files(version, "OME", Ome::series(version, paths), Writer::of(&[]), [none, none])?;
        collection.extend(order.into_iter().chain(self::collection(version, hierarchy, root)?).map(Ok));
    }
    let xml = std::iter::once_with(move || series_xml(hierarchy, &planes()).map(Ok)).flatten();
    Ok(images.chain(xml).chain(collection))
}

/// `OME/METADATA.ome.xml` of several images outside of a plate, where OME-XML has words for their axes.
#[must_use]
pub fn series_xml(hierarchy: &Hierarchy, planes: &Planes) -> Option<Document> {
    let Hierarchy::Series(series) = hierarchy else { return None };
    let text = ome_xml::metadata_only(series.iter().map(|(path, image)| (path.as_str(), image)), planes)?;
    Some(Document { path: OME_XML.into(), bytes: text.into_bytes() })
}

/// Where the images of a store stand in OME-XML.
const OME_XML: &str = "OME/METADATA.ome.xml";

/// The root's files over several images, with the host's namespaces: the last of [`documents`]. What they say of the
/// images depends on none of them, but for where they lie to each other (0.6).
///
/// # Errors
/// [`Error::InvalidMetadata`] for an attribute whose name NGFF or this library uses itself.
pub fn collection(version: NgffVersion, hierarchy: &Hierarchy, root: &Attributes) -> Result<Vec<Document>> {
    check_attributes(root, &EMPTY)?;
    files(version, "", Ome::collection(version, hierarchy), Writer::of(&[]), [root, &EMPTY])
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

/// The files of a group.
fn files(
    version: NgffVersion,
    path: &str,
    ome: Ome<'_>,
    writer: Writer<'_>,
    [host, image]: [&Attributes; 2],
) -> Result<Vec<Document>> {
    let ome = match version {
        NgffVersion::V0_4 => Place::Among(ome),
        NgffVersion::V0_5 | NgffVersion::V0_6 => {
            Place::Under { ome: Some(ome).filter(|ome| !matches!(ome, Ome::Row {})) }
        }
    };
    let attributes = GroupAttributes { ome, ome_stream: writer, host, image };
    zarr::group(version.into(), path, &attributes)
        .map_err(|cause| Error::Internal { place: "ngff", message: cause.to_string() })
}
