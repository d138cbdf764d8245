use super::*;

const STYLE: &str = include_str!("../../assets/console.css");

fn chart(stand: Stand, places: &[&str], values: [&[i64]; 2]) -> Chart {
    let series = |name, tone, values: &[i64]| Series { name, tone, values: values.to_vec() };
    Chart {
        says: "runs".to_owned(),
        note: String::new(),
        places: places.iter().map(|place| (*place).to_owned()).collect(),
        series: vec![series("failed", Tone::Bad, values[0]), series("succeeded", Tone::Good, values[1])],
        stand,
        decimals: 0,
    }
}

/// Attributes of that name, in their order.
fn attributes<'a>(svg: &'a str, tag: &str, name: &str) -> Vec<&'a str> {
    let (tag, name) = (format!("<{tag}"), format!(" {name}=\""));
    svg.split(tag.as_str())
        .skip(1)
        .filter_map(|rest| rest.split('>').next()?.split(name.as_str()).nth(1)?.split('"').next())
        .collect()
}

fn numbers(svg: &str, name: &str) -> Vec<i32> {
    attributes(svg, "rect", name).iter().map(|number| number.parse().unwrap()).collect()
}

#[test]
fn parts_of_a_whole_stand_on_one_another_and_others_beside() {
    let stacked = chart(Stand::Stacked, &["a", ""], [&[5, 0], &[5, 10]]).svg();
    let (tops, heights) = (numbers(&stacked, "y"), numbers(&stacked, "height"));
    assert_eq!(tops.len(), 3, "{stacked}");
    assert_eq!((tops[1] + heights[1], heights[0] + heights[1]), (tops[0], heights[2]));
    assert_eq!(attributes(&stacked, "rect", "fill"), ["#A11C1C", "#146C36", "#146C36"]);
    let beside = chart(Stand::Beside, &["a", ""], [&[5, 0], &[5, 10]]).svg();
    let (lefts, heights) = (numbers(&beside, "x"), numbers(&beside, "height"));
    assert!(lefts[0] < lefts[1] && lefts[1] < lefts[2] && heights[0] == heights[1], "{beside}");
}

#[test]
fn one_that_failed_is_seen_among_a_million() {
    let svg = chart(Stand::Stacked, &["a"], [&[1], &[1_000_000]]).svg();
    assert!(numbers(&svg, "height").iter().all(|height| *height >= 2), "{svg}");
}

#[test]
fn what_is_written_never_becomes_markup() {
    let svg = chart(Stand::Stacked, &["</text><script>alert(1)</script>\"'&"], [&[1], &[2]]).svg();
    assert!(svg.contains("&lt;/text&gt;&lt;script&gt;alert(1)"), "{svg}");
    assert!(!svg.contains("<script"), "{svg}");
}

#[test]
fn nothing_too_little_and_too_much_are_drawn() {
    assert_eq!(chart(Stand::Stacked, &[], [&[], &[]]).svg(), "");
    for stand in [Stand::Stacked, Stand::Beside] {
        for (places, values) in [
            (vec!["a"], vec![0]),
            (vec!["a"], vec![7]),
            (vec!["a", "b"], vec![]),
            (vec!["a", "b", "c"], vec![0, 0, 0]),
            (vec!["a", "b", "c"], vec![i64::MAX, i64::MIN, 1]),
            (vec!["a"; 48], vec![3; 48]),
        ] {
            let svg = chart(stand, &places, [&values, &values]).svg();
            let is_whole = svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>");
            assert!(is_whole && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            assert!(svg.len() < 25_000, "{} bytes", svg.len());
            let drawn = values.iter().filter(|value| **value > 0).count() * 2;
            let heights = numbers(&svg, "height");
            assert!(
                heights.len() == drawn && heights.iter().all(|height| (1..=240).contains(height)),
                "{svg}"
            );
        }
    }
}

#[test]
fn the_style_sheet_knows_every_colour() {
    let tones = [Tone::Good, Tone::Busy, Tone::Warn, Tone::Bad];
    let series = tones.map(|tone| Series { name: "x", tone, values: vec![1, 2] });
    let svg = Chart { series: series.to_vec(), ..chart(Stand::Beside, &["a", "b"], [&[], &[]]) }.svg();
    assert!(!svg.contains("style="), "a page may hold none: {svg}");
    let mut seen = 0;
    for name in ["fill", "stroke"] {
        for tag in ["line", "polyline", "polygon", "rect", "text", "circle"] {
            for colour in attributes(&svg, tag, name).into_iter().filter(|colour| *colour != "none") {
                assert!(STYLE.contains(&format!(".chart [{name}=\"{colour}\"]")), "{name} {colour} of {tag}");
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "{svg}");
    for tone in tones {
        assert!(STYLE.contains(&format!(".swatch.{}", tone.as_str())), "{tone:?}");
    }
}

#[test]
fn figures_of_the_axis_are_round_and_short() {
    for (highest, expected) in [
        (0, vec![0, 1]),
        (1, vec![0, 1]),
        (3, vec![0, 1, 2, 3]),
        (7, vec![0, 2, 4, 6, 8]),
        (10, vec![0, 5, 10]),
        (41, vec![0, 20, 40, 60]),
    ] {
        assert_eq!(ticks(highest), expected, "{highest}");
    }
    assert!(ticks(i128::from(i64::MAX) * 100).len() < 7);
    for (value, decimals, expected) in [
        (0, 0, "0"),
        (999, 0, "999"),
        (1_000, 0, "1k"),
        (2_500, 0, "2.5k"),
        (20_000_000, 0, "20M"),
        (5, 2, "0.05"),
        (150, 2, "1.5"),
        (250_000, 2, "2.5k"),
        (i128::from(i64::MAX), 0, "9.223E"),
    ] {
        assert_eq!(short(value, decimals), expected);
    }
}
