//! Every rule: what it says, where that is written, what to do. `docs/CHECK.md` lists them; a test holds both together,
//! and another breaks a valid store once for each.

use super::rule::Origin::{Ngff, Ours, Zarr};
use super::rule::Rule;
use super::rule::Severity::{Error, Warning};

const METADATA: &str = "OME-Zarr Metadata";
const STORAGE: &str = "Storage format";
const AXES: &str = "\"axes\" metadata";
const SYSTEMS: &str = "\"coordinateSystems\" metadata";
const TRANSFORMATIONS: &str = "\"coordinateTransformations\" metadata";
const MULTISCALES: &str = "\"multiscales\" metadata";
const OMERO: &str = "\"omero\" metadata";
const LABELS: &str = "\"labels\" metadata";
const PLATE: &str = "\"plate\" metadata";
const WELL: &str = "\"well\" metadata";
const SCENE: &str = "\"scene\" metadata";
const SCREENING: &str = "High-content screening";
const SERIES: &str = "\"bioformats2raw.layout\" metadata";
const ARRAY: &str = "Array metadata";
const KEYS: &str = "Chunk key encoding";
const SHARDING: &str = "sharding codec";

/// The table: name, severity, id, origin, what it says, what to do.
macro_rules! rules {
    ($($name:ident $severity:ident $id:literal $origin:expr, $says:literal, $remedy:literal;)*) => {
        $(
            #[doc = $says]
            pub const $name: &Rule =
                &Rule { id: $id, severity: $severity, origin: $origin, says: $says, remedy: $remedy };
        )*
        /// All of them.
        #[cfg(test)]
        pub const ALL: &[&Rule] = &[$($name),*];
    };
}

rules! {
    DOCUMENT Error "document/readable" Zarr("Metadata documents"),
        "a node's document is a file of JSON in UTF-8",
        "put back a whole document; `ome-stream recover` may help";
    DOCUMENT_JSON Warning "document/json" Zarr("Metadata documents"),
        "JSON has no NaN and no Infinity",
        "write null or a text: strict readers refuse the whole document";
    NODE_THERE Error "document/there" Ours,
        "what metadata name is there, below the group that names it",
        "put it there, or take its path out of the metadata";

    FORMAT Error "version/zarr" Ngff(STORAGE),
        "0.4 stands on Zarr v2, with its keys in .zattrs; 0.5 and 0.6 on Zarr v3, with their keys in `ome`",
        "`ome-stream convert` makes one of the other";
    VERSION Error "version/known" Ngff(METADATA),
        "the version is a text and names this specification",
        "write \"0.4\", \"0.5\" or \"0.6\"";
    VERSION_DRAFT Warning "version/draft" Ours,
        "a version names a release",
        "write the metadata anew as the release has them";
    VERSION_SAME Error "version/same" Ngff(METADATA),
        "the version is the same in all of a hierarchy",
        "write the version of the root";
    VERSION_HERE Warning "version/here" Ngff("metadata of multiscales, image-label, plate and well"),
        "the object tells its version (should in 0.4; in 0.5 a plate must by the text, and need not by the schema)",
        "add it: some readers ask for it";

    OME Error "ome/object" Ngff(METADATA),
        "OME-Zarr metadata are an object `ome` with one of its keys",
        "write multiscales, plate, well, labels, scene, series or bioformats2raw.layout";

    AXES_LIST Error "axes/list" Ngff(MULTISCALES),
        "there is a list of axes",
        "add the list";
    AXES_COUNT Error "axes/count" Ngff(MULTISCALES),
        "an image has 2 to 5 axes",
        "split the image, or leave an axis out";
    AXIS_NAME Error "axes/name" Ngff(AXES),
        "each axis is an object with a name, a text",
        "name it";
    AXES_UNIQUE Error "axes/unique" Ngff(AXES),
        "no two axes have one name",
        "rename one";
    AXIS_TYPE Error "axes/type" Ngff(AXES),
        "the type of an axis is a text",
        "write space, time, channel or a word of your own";
    AXIS_TYPED Warning "axes/typed" Ngff(AXES),
        "an axis tells its type, one that the specification names",
        "write space, time or channel";
    AXIS_UNIT Error "axes/unit" Ngff(AXES),
        "a unit is a text",
        "write its name, such as micrometer";
    AXIS_UNITED Warning "axes/unit-known" Ngff(AXES),
        "an axis of space or time tells its unit, by its name in UDUNITS-2",
        "write micrometer, second or the like: not µm, not s";
    AXES_SPACE Error "axes/space" Ngff(MULTISCALES),
        "2 or 3 axes are of type space",
        "tell the types of the axes";
    AXES_OTHER Error "axes/others" Ngff(MULTISCALES),
        "beside space there is at most one axis of time, and one of channels or of a custom type",
        "split the image";
    AXES_ORDER Error "axes/order" Ngff(MULTISCALES),
        "time comes first, then channels or a custom axis, then space",
        "reorder the axes with their arrays";
    AXES_ZYX Warning "axes/zyx" Ngff(MULTISCALES),
        "axes of space are in the order z, y, x",
        "reorder the axes with their arrays";
    AXIS_DISCRETE Error "axes/discrete" Ngff(AXES),
        "discrete is true or false",
        "write one of them";
    AXIS_LONG_NAME Error "axes/long-name" Ngff(AXES),
        "longName is a text",
        "write a text";

    SYSTEMS_LIST Error "systems/list" Ngff(MULTISCALES),
        "an image has a list of coordinateSystems",
        "add one with the axes of the image";
    SYSTEM_NAME Error "systems/name" Ngff(SYSTEMS),
        "a coordinate system has a name, a text that is not empty",
        "name it";
    SYSTEMS_UNIQUE Error "systems/unique" Ngff(SYSTEMS),
        "no two coordinate systems of a list have one name",
        "rename one";
    CONNECTED Error "systems/connected" Ngff(TRANSFORMATIONS),
        "transformations link all coordinate systems with one another",
        "add a transformation, or leave the system out";

    MULTISCALES_LIST Error "multiscales/list" Ngff(MULTISCALES),
        "multiscales is a list of at least one object",
        "describe the image in it";
    MULTISCALES_NAME Warning "multiscales/name" Ngff(MULTISCALES),
        "an image tells its name, a text",
        "add it";
    MULTISCALES_TYPE Warning "multiscales/type" Ngff(MULTISCALES),
        "an image of several levels tells how they were made",
        "add `type` and `metadata`";

    DATASETS Error "datasets/list" Ngff(MULTISCALES),
        "datasets is a list of at least one object",
        "list the arrays of the image";
    DATASET_PATH Error "datasets/path" Ngff(MULTISCALES),
        "each dataset has the path of an array, a text",
        "write the path";
    DATASETS_UNIQUE Error "datasets/unique" Ours,
        "no two levels are one array",
        "list each array once";

    TRANSFORMS Error "transformations/list" Ngff(TRANSFORMATIONS),
        "coordinateTransformations are a list of at least one object with a type",
        "add a scale";
    TRANSFORM_TYPE Error "transformations/type" Ngff(TRANSFORMATIONS),
        "the type is one that may stand there",
        "use scale and translation (0.6: identity, scale, or a sequence of the two)";
    ONE_SCALE Error "transformations/one-scale" Ngff(MULTISCALES),
        "there is exactly one scale, and at most one translation, behind it (0.6: exactly one transformation)",
        "leave one scale, first";
    TRANSFORM_VALUES Error "transformations/values" Ngff(TRANSFORMATIONS),
        "a transformation has its parameters, numbers",
        "write the numbers";
    TRANSFORM_LENGTH Error "transformations/length" Ngff(TRANSFORMATIONS),
        "parameters are as many as the axes that they are for",
        "write one number for each axis";
    SCALE_ZERO Warning "transformations/scale-zero" Ngff(TRANSFORMATIONS),
        "no scale is 0, none negative",
        "write 1 where the size is not known";
    TRANSFORM_INPUT Error "transformations/input" Ngff(TRANSFORMATIONS),
        "input and output are objects that name a coordinate system, or the path of the dataset",
        "name the coordinate system";
    TRANSFORM_EXTRA Warning "transformations/extra" Ngff(TRANSFORMATIONS),
        "the input of a dataset has no name, its output no path",
        "leave it out";
    TRANSFORM_SYSTEM Error "transformations/system" Ngff(TRANSFORMATIONS),
        "input and output name coordinate systems that are there",
        "name one that is, or add it";
    INTRINSIC Error "transformations/intrinsic" Ngff(MULTISCALES),
        "all datasets of an image have one output, and every other transformation of it begins or ends there",
        "name that coordinate system";
    ROTATION Error "transformations/rotation" Ngff(TRANSFORMATIONS),
        "a rotation is orthonormal, with determinant 1",
        "write it as an affine";
    BY_DIMENSION Error "transformations/by-dimension" Ngff(TRANSFORMATIONS),
        "each axis of the output is in exactly one part",
        "list each axis once";

    OMERO_CHANNELS Error "omero/channels" Ngff(OMERO),
        "omero has channels, a list of objects",
        "list the channels";
    OMERO_COLOR Error "omero/color" Ngff(OMERO),
        "a channel has a color of six hexadecimal digits",
        "write it as RRGGBB, without #";
    OMERO_WINDOW Error "omero/window" Ngff(OMERO),
        "a channel has a window with min, max, start and end, numbers",
        "write all four";
    OMERO_START Warning "omero/start" Ours,
        "a window's start is not above its end, its min not above its max",
        "swap them";
    OMERO_COUNT Warning "omero/count" Ngff(OMERO),
        "there are as many channels as the image has",
        "list each channel once";

    LABELS_LIST Error "labels/list" Ngff(LABELS),
        "labels is a list of paths",
        "list the label images";
    LABELS_LISTED Warning "labels/listed" Ngff(LABELS),
        "every label image is listed",
        "add its path to labels";
    LABELS_BETWEEN Error "labels/between" Ngff(LABELS),
        "groups between labels and its images have no metadata",
        "take them out";
    LABEL_IMAGE Error "labels/image" Ngff(LABELS),
        "a label image has multiscales",
        "describe it as an image";
    LABEL_INTEGER Error "labels/integer" Ngff(LABELS),
        "pixels of a label image are integers",
        "write it anew as uint32 or the like";
    LABEL_LEVELS Error "labels/levels" Ngff(LABELS),
        "a label image has as many levels as its image",
        "make the levels";
    LABEL_SHAPE Warning "labels/shape" Ngff("Images"),
        "a label image is as large as its image, or 1 along an axis",
        "resample it";
    LABEL_TOLD Warning "labels/image-label" Ngff(LABELS),
        "a label image has image-label with colors",
        "add them";
    LABEL_OBJECT Error "labels/object" Ngff(LABELS),
        "image-label and its source are objects; the source's image is a text",
        "write an object";
    LABEL_COLORS Error "labels/colors" Ngff(LABELS),
        "colors and properties are lists of at least one object",
        "leave an empty list out";
    LABEL_VALUE Error "labels/value" Ngff(LABELS),
        "label-value is an integer",
        "write the value of the pixels";
    LABEL_UNIQUE Error "labels/unique" Ngff(LABELS),
        "no label-value comes twice in a list",
        "keep one";
    LABEL_RGBA Error "labels/rgba" Ngff(LABELS),
        "rgba is four integers from 0 to 255",
        "write them";

    PLATE_OBJECT Error "plate/object" Ngff(PLATE),
        "plate is an object",
        "write an object";
    PLATE_ROWS Error "plate/rows" Ngff(PLATE),
        "rows and columns are lists of at least one object",
        "list every row and column of the plate";
    PLATE_NAMES Error "plate/row-name" Ngff(PLATE),
        "the name of a row or column is letters and digits",
        "rename it, with its folder";
    PLATE_UNIQUE Error "plate/unique" Ngff(PLATE),
        "no two rows, no two columns, no two wells are the same",
        "rename one, with its folder";
    PLATE_CASE Warning "plate/case" Ngff(PLATE),
        "no two names differ in case alone",
        "rename one, with its folder";
    PLATE_WELLS Error "plate/wells" Ngff(PLATE),
        "wells is a list of at least one object",
        "list the wells";
    WELL_PATH Error "plate/well-path" Ngff(PLATE),
        "the path of a well is a row's name, / and a column's name",
        "write such a path";
    WELL_INDEX Error "plate/well-index" Ngff(PLATE),
        "a well has rowIndex and columnIndex, from 0, and they are those of its path",
        "count rows and columns from 0";
    PLATE_NAME Warning "plate/name" Ngff(PLATE),
        "a plate tells its name",
        "add it";
    PLATE_NAME_TEXT Error "plate/name-text" Ngff(PLATE),
        "the names of plate and acquisitions, and descriptions, are texts",
        "write a text";
    PLATE_FIELDS Warning "plate/field-count" Ngff(PLATE),
        "a plate tells its field_count",
        "add it";
    PLATE_FIELDS_COUNT Error "plate/field-count-positive" Ngff(PLATE),
        "field_count and maximumfieldcount are integers above 0",
        "write the largest number of fields in a well";
    PLATE_FIELDS_RIGHT Warning "plate/field-count-right" Ngff(PLATE),
        "field_count is the largest number of fields in a well",
        "write that number";
    ACQUISITIONS Error "plate/acquisitions" Ngff(PLATE),
        "acquisitions is a list of objects",
        "write a list";
    ACQUISITION_ID Error "plate/acquisition-id" Ngff(PLATE),
        "an acquisition has an id of its own, an integer from 0",
        "number them";
    ACQUISITION_NAME Warning "plate/acquisition-name" Ngff(PLATE),
        "an acquisition tells its name and its maximumfieldcount",
        "add them";
    ACQUISITION_TIME Error "plate/acquisition-time" Ngff(PLATE),
        "starttime and endtime are integers from 0, seconds since 1970",
        "write them so";
    PLATE_EMPTY Warning "plate/empty" Ngff(SCREENING),
        "there is no group of a row or well without images",
        "remove it, or list its images";

    WELL_OBJECT Error "well/object" Ngff(WELL),
        "well is an object",
        "write an object";
    WELL_IMAGES Error "well/images" Ngff(WELL),
        "images is a list of at least one object",
        "list the fields";
    WELL_FIELD Error "well/path" Ngff(WELL),
        "the path of a field is one folder of plain letters and digits (0.6: also - _ .)",
        "rename it, with its folder";
    WELL_UNIQUE Error "well/unique" Ngff(WELL),
        "no two fields have one path",
        "list each once";
    WELL_ACQUISITION Error "well/acquisition" Ngff(WELL),
        "a field's acquisition is an integer, the id of one of the plate's; it must be told where there are several",
        "write the id";
    FIELD_IMAGE Error "well/image" Ngff(WELL),
        "a field is an image, with multiscales",
        "describe it as an image";

    LAYOUT Error "series/layout" Ngff(SERIES),
        "bioformats2raw.layout is the number 3",
        "write 3";
    SERIES_LIST Error "series/list" Ngff(SERIES),
        "series is a list of paths",
        "list the images";
    SERIES_IMAGE Error "series/image" Ngff(SERIES),
        "each of the series is an image, with multiscales",
        "describe it as an image";
    SERIES_NUMBERED Error "series/numbered" Ngff(SERIES),
        "without series the images are groups numbered from 0 without a gap",
        "write series, or rename them";
    SERIES_PLATE Warning "series/plate" Ngff(SERIES),
        "a plate in a series has a list of its images too",
        "write series: some tools do not know plates";
    XML Warning "series/xml" Ngff(SERIES),
        "there is OME/METADATA.ome.xml",
        "write one, if only the minimum";
    XML_VALID Error "series/xml-valid" Ngff(SERIES),
        "METADATA.ome.xml is OME-XML with MetadataOnly, without BinData, BinaryOnly and TiffData",
        "write it so";
    XML_IMAGES Error "series/xml-images" Ngff(SERIES),
        "METADATA.ome.xml has an Image for each of the series, in order",
        "write it so";

    SCENE_TRANSFORMS Error "scene/transformations" Ngff(SCENE),
        "scene is an object with at least one coordinateTransformation",
        "add one";
    SCENE_ENDS Error "scene/ends" Ngff(SCENE),
        "input and output are objects with a name, and a path where the system is an image's",
        "write them so";
    SCENE_SYSTEM Error "scene/system" Ngff(SCENE),
        "the image at a path has the coordinate system that is named",
        "name one that it has";

    ARRAY_VALID Error "array/valid" Zarr(ARRAY),
        "an array's document tells shape, data type, chunks and codecs",
        "put back a whole document";
    ARRAY_IS Error "array/is" Ngff(MULTISCALES),
        "a dataset is an array of the store's Zarr format",
        "write the array's path";
    ARRAY_AXES Error "array/axes" Ngff(MULTISCALES),
        "an array has as many dimensions as the image has axes",
        "tell every axis";
    ARRAY_NAMES Error "array/dimension-names" Ngff(AXES),
        "dimension_names are the names of the axes (0.5 must)",
        "write them";
    ARRAY_NAMED Warning "array/dimension-named" Ours,
        "dimension_names are the names of the axes (0.6 does not ask for them)",
        "write them: xarray reads them";
    ARRAY_TYPE Error "array/data-type" Ngff(MULTISCALES),
        "all levels have one data type (0.6 states it)",
        "write the level anew";
    LEVELS_ORDER Error "array/order" Ngff(MULTISCALES),
        "levels are listed from the largest to the smallest",
        "list them so";
    LEVELS_SCALE Warning "array/scale" Ngff(MULTISCALES),
        "a level's scale has grown as much as its shape has shrunk",
        "write the size of its pixels";
    ARRAY_NESTED Warning "array/nested" Ngff("On-disk layout"),
        "chunks of 0.4 lie in nested folders (dimension_separator /)",
        "rename the chunk files";
    SHARD_DIVIDED Error "array/shard-divided" Zarr(SHARDING),
        "chunks divide their shard along each axis",
        "write the array anew";

    CHUNK_OUTSIDE Warning "chunk/outside" Ours,
        "no chunk lies beyond the shape: readers pass it over",
        "set the shape right, or remove the file";
    CHUNK_UNFINISHED Warning "chunk/unfinished" Ours,
        "no file is unfinished",
        "wait for the writer, or run `ome-stream recover`";
    CHUNK_LINK Warning "chunk/link" Ours,
        "no chunk is a link: it was not followed",
        "put the file in its place";
    CHUNK_NAME Warning "chunk/name" Zarr(KEYS),
        "files among the chunks have names of chunks",
        "move them out of the array";
    CHUNK_SIZE Error "chunk/size" Zarr("codecs"),
        "a stored chunk has the bytes that its codecs make",
        "write the chunk anew";

    SHARD_INDEX Error "shard/index" Zarr(SHARDING),
        "a shard has an index of its chunks, with the right checksum",
        "`ome-stream recover` finds an earlier one in stores of its own";
    SHARD_ENTRY Error "shard/entry" Zarr(SHARDING),
        "an index lists places inside of its file, each for one chunk",
        "write the shard anew";

    CHUNK_DECODES Error "chunk/decodes" Zarr("codecs"),
        "a stored chunk decodes to its pixels",
        "write the chunk anew: its pixels are lost";

    UNREADABLE Error "store/readable" Ours,
        "every folder and file of the store can be read",
        "mend rights or disk";
}
