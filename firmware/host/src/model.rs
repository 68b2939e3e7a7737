//! The exported models of the images.

#[rustfmt::skip]
#[path = "../../images/data/model_f16.rs"]
pub(crate) mod f16;
#[rustfmt::skip]
#[path = "../../images/data/model_f32.rs"]
pub(crate) mod f32;
#[rustfmt::skip]
#[path = "../../images/data/model_i8.rs"]
pub(crate) mod i8;
#[rustfmt::skip]
#[path = "../../images/data/start.rs"]
pub(crate) mod start;
