use gmlayer_fuzz::problem::*;
#[test]
fn dbg() {
    let b = std::fs::read("findings/differential/subnormal_terms").unwrap();
    let (h, r) = header(&b).unwrap();
    let p = Problem::<f32>::new(h, r);
    println!("{:?}\nmu {:?}\nsigma {:?}\nx {:?}\nv {:?}\n u {:?}", p.shape, p.mu, p.sigma, p.x, p.v, p.u);
}
