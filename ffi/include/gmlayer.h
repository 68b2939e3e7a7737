#ifndef GMLAYER_H
#define GMLAYER_H

/* Written by cbindgen from ffi/src; `bash ffi/run.sh` compares it. */

#include <stddef.h>
#include <stdint.h>

/*
 What came of a call; everything but `OK` means that nothing was written.
 */
enum gmlayer_status {
  /*
   All is well.
   */
  GMLAYER_STATUS_OK = 0,
  /*
   A pointer is null or not aligned.
   */
  GMLAYER_STATUS_POINTER = 1,
  /*
   There is no model: the bytes are not those of an exported one, or the struct was never made one.
   */
  GMLAYER_STATUS_NO_MODEL = 2,
  /*
   The model has another version of the format.
   */
  GMLAYER_STATUS_VERSION = 3,
  /*
   The bytes of the model are damaged.
   */
  GMLAYER_STATUS_DAMAGED = 4,
  /*
   A size is zero or too large, or a length does not fit the sizes.
   */
  GMLAYER_STATUS_SIZE = 5,
  /*
   The scratch is too small.
   */
  GMLAYER_STATUS_SCRATCH = 6,
  /*
   An index or setting lies outside its range.
   */
  GMLAYER_STATUS_RANGE = 7,
};

/*
 The sizes of a layer.
 */
struct gmlayer_sizes {
  /*
   Numbers of an input.
   */
  size_t inputs;
  /*
   Numbers of an output.
   */
  size_t outputs;
  /*
   Gaussian components.
   */
  size_t components;
};

/*
 A diagonal layer that learns: its sizes, and its parameters μ, σ, U, v one after the other.
 */
struct gmlayer_diagonal {
  /*
   The sizes.
   */
  struct gmlayer_sizes sizes;
  /*
   As many numbers as `gmlayer_diagonal_parameters` says.
   */
  float *parameters;
};

/*
 The learning rate of each block of parameters of a diagonal layer.
 */
struct gmlayer_diagonal_rates {
  /*
   Of the means.
   */
  float mu;
  /*
   Of the standard deviations.
   */
  float sigma;
  /*
   Of the output slopes.
   */
  float u;
  /*
   Of the output offsets.
   */
  float v;
};

/*
 A model: made by one of the functions `gmlayer_model_init...`, to be read by the others, which refuse one of zeros.
 It refers to the bytes or arrays that it was made of, which must stay where they are.
 */
struct gmlayer_model {
  size_t words[21];
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 The number of parameters of a diagonal layer; 0 for sizes that cannot be.
 */
size_t gmlayer_diagonal_parameters(struct gmlayer_sizes sizes);

/*
 The number of floats of scratch that a diagonal layer needs; 0 for sizes that cannot be.
 */
size_t gmlayer_diagonal_scratch_floats(struct gmlayer_sizes sizes);

/*
 Overwrites `y` with what the layer gives for `x`.

 `x` has as many numbers as the layer has inputs, `y` as it has outputs, `scratch` has `scratch_floats` floats.

 # Safety

 The arrays have those lengths and do not overlap, nor does the array of parameters.
 */
enum gmlayer_status gmlayer_diagonal_forward(const struct gmlayer_diagonal *layer,
                                             const float *x,
                                             float *y,
                                             float *scratch,
                                             size_t scratch_floats);

/*
 The backward pass and one step of gradient descent: `g` is the loss's derivative by the outputs at `x`.

 `x` has as many numbers as the layer has inputs, `g` as it has outputs, `scratch` has `scratch_floats` floats.

 # Safety

 The arrays have those lengths and do not overlap, nor does the array of parameters.
 */
enum gmlayer_status gmlayer_diagonal_step(const struct gmlayer_diagonal *layer,
                                          const float *x,
                                          const float *g,
                                          struct gmlayer_diagonal_rates rates,
                                          float *scratch,
                                          size_t scratch_floats);

/*
 The cross-entropy of the softmax of `classes` scores, and its derivative by each of them.

 # Safety

 `scores` and `gradient` have `classes` numbers and do not overlap; `loss` may be written.
 */
enum gmlayer_status gmlayer_cross_entropy(const float *scores,
                                          size_t classes,
                                          size_t label,
                                          float *gradient,
                                          float *loss);

/*
 Reads the bytes that `gmlayer export --format bin` wrote, at any alignment, and checks them.

 # Safety

 `model` may be written; `bytes` has `len` bytes, which stay as they are as long as the model is used.
 */
enum gmlayer_status gmlayer_model_init(struct gmlayer_model *model,
                                       const uint8_t *bytes,
                                       size_t len);

/*
 Takes the arrays that `gmlayer export --format c --precision f32` wrote of a diagonal layer.

 # Safety

 `model` may be written; the arrays have the lengths that follow from the sizes and stay as they are as long as the
 model is used.
 */
enum gmlayer_status gmlayer_model_init_diagonal_f32(struct gmlayer_model *model,
                                                    struct gmlayer_sizes sizes,
                                                    const float *a,
                                                    const float *mu,
                                                    const float *variance,
                                                    const float *w);

/*
 Takes the arrays that `gmlayer export --format c --precision f16` wrote of a diagonal layer.

 # Safety

 As for `gmlayer_model_init_diagonal_f32`.
 */
enum gmlayer_status gmlayer_model_init_diagonal_f16(struct gmlayer_model *model,
                                                    struct gmlayer_sizes sizes,
                                                    const uint16_t *a,
                                                    const uint16_t *mu,
                                                    const uint16_t *variance,
                                                    const uint16_t *w);

/*
 Takes the arrays that `gmlayer export --format c --precision i8` wrote of a diagonal layer.

 # Safety

 As for `gmlayer_model_init_diagonal_f32`.
 */
enum gmlayer_status gmlayer_model_init_diagonal_i8(struct gmlayer_model *model,
                                                   struct gmlayer_sizes sizes,
                                                   const float *a,
                                                   const float *w_scales,
                                                   const float *mu_scales,
                                                   const float *variance_scales,
                                                   const int8_t *mu,
                                                   const int8_t *variance,
                                                   const int8_t *w);

/*
 The sizes of a model; all 0 for a null pointer and for a model of zeros.

 # Safety

 `model` was made by one of the functions `gmlayer_model_init...`, or is all zeros.
 */
struct gmlayer_sizes gmlayer_model_sizes(const struct gmlayer_model *model);

/*
 The number of floats of scratch that `gmlayer_model_forward` needs; 0 for a null pointer and
 for a model of zeros.

 # Safety

 `model` was made by one of the functions `gmlayer_model_init...`, or is all zeros.
 */
size_t gmlayer_model_scratch_floats(const struct gmlayer_model *model);

/*
 Overwrites `y` with what the model gives for `x`.

 `x` has as many numbers as the model has inputs, `y` as it has outputs; `scratch` has `scratch_floats` floats, whose
 contents do not matter.

 # Safety

 `model` was made by one of the functions `gmlayer_model_init...`, or is all zeros; the arrays have those lengths and
 do not overlap.
 */
enum gmlayer_status gmlayer_model_forward(const struct gmlayer_model *model,
                                          const float *x,
                                          float *y,
                                          float *scratch,
                                          size_t scratch_floats);

/*
 What a status says, as a sentence in English; every number has one.
 */
const char *gmlayer_status_text(int32_t status);

/*
 The version of the library, such as "0.1.0".
 */
const char *gmlayer_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* GMLAYER_H */
