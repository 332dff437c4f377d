//! What was planned is what lies on disk.

use std::fs;

use ome_stream::plan::SourceId;
use ome_stream_tests::case::Case;

use crate::acquisition::Acquisition;

#[test]
fn a_frame_lies_where_the_plan_says() {
    // Acquired z before c, stored c before z.
    let run = Acquisition::of(Case::new("run", "t:2,p:2,z:2,c:3,y:4,x:6"));
    let stream = run.start();
    run.append(&stream, 0..24);
    stream.finish().expect("all well");
    let plan = stream.plan();
    let told = plan.told();
    for frame in 0..24 {
        let place = plan.place_of(SourceId(0), frame).expect("declared");
        assert_eq!(plan.frame_of(place.position, &place.index).expect("declared"), frame);
        let array = told["positions"][place.position]["arrays"][0].as_str().expect("a folder");
        let key: Vec<String> = place.index.iter().map(u64::to_string).collect();
        let chunk = run.root().join(array).join("c").join(key.join("/")).join("0/0");
        assert_eq!(fs::read(&chunk).expect("a chunk"), run.frame(frame), "frame {frame} in {}", chunk.display());
        assert_eq!(plan.folder_of(place.array), run.root().join(array));
    }
}
