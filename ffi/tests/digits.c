/* Classifies the stored digits with a model in each precision, from bytes and from arrays, and trains a layer: the
   checksums of all scores and parameters must be those given on the command line, which Rust computed.

   digits FOLDER EXPORTS F32 F16 I8 PARAMETERS, where FOLDER holds stored.bin and samples.bin, and EXPORTS the models. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../include/gmlayer.h"
#include "model_f16.h"
#include "model_f32.h"
#include "model_i8.h"
#include "start.h"

enum { INPUTS = MODEL_F32_INPUTS, OUTPUTS = MODEL_F32_OUTPUTS, SAMPLE = 1 + INPUTS, EPOCHS = 3 };

static const struct gmlayer_sizes sizes = {MODEL_F32_INPUTS, MODEL_F32_OUTPUTS, MODEL_F32_COMPONENTS};
static int failures = 0;

static void check(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "FAILED %s\n", what);
        failures++;
    }
}

/* CRC-32 of the bytes of floats, least significant first. */
static uint32_t checksum(uint32_t sum, const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        for (int byte = 0; byte < 4; byte++) {
            sum ^= bits >> (8 * byte) & 0xff;
            for (int bit = 0; bit < 8; bit++)
                sum = sum >> 1 ^ (sum & 1 ? 0xedb88320u : 0);
        }
    }
    return sum;
}

static unsigned char *contents(const char *folder, const char *name, size_t *len)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    unsigned char *bytes = malloc(1 << 20);
    if (!file || !bytes) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    *len = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

static size_t pixels(const unsigned char *sample, float *x)
{
    for (size_t i = 0; i < INPUTS; i++)
        x[i] = (float)sample[1 + i] / 255.0f;
    return sample[0];
}

/* The checksum of all scores, and the errors. */
static uint32_t classify(const struct gmlayer_model *model, const unsigned char *stored, size_t len, size_t *errors)
{
    static float scratch[4 * INPUTS];
    size_t scratch_len = gmlayer_model_scratch_floats(model);
    float x[INPUTS], y[OUTPUTS];
    uint32_t sum = 0xffffffff;
    check(scratch_len > 0 && scratch_len <= sizeof scratch / sizeof *scratch, "the size of the scratch");
    *errors = 0;
    for (size_t at = 0; at + SAMPLE <= len; at += SAMPLE) {
        size_t label = pixels(stored + at, x), best = 0;
        check(gmlayer_model_forward(model, x, y, scratch, scratch_len) == GMLAYER_STATUS_OK, "forward");
        for (size_t class = 1; class < OUTPUTS; class++)
            best = y[class] > y[best] ? class : best;
        *errors += best != label;
        sum = checksum(sum, y, OUTPUTS);
    }
    check(gmlayer_model_forward(model, x, y, scratch, scratch_len - 1) == GMLAYER_STATUS_SCRATCH, "too little scratch");
    check(gmlayer_model_forward(model, NULL, y, scratch, scratch_len) == GMLAYER_STATUS_POINTER, "no input");
    check(gmlayer_model_forward(model, x, NULL, scratch, scratch_len) == GMLAYER_STATUS_POINTER, "no output");
    check(gmlayer_model_forward(NULL, x, y, scratch, scratch_len) == GMLAYER_STATUS_POINTER, "no model");
    return ~sum;
}

static void one_precision(const char *name, const struct gmlayer_model *arrays, const char *exports,
                          const unsigned char *stored, size_t stored_len, const char *expected)
{
    struct gmlayer_model model;
    size_t len, errors;
    uint32_t want = (uint32_t)strtoul(expected, NULL, 16);
    unsigned char *bytes = contents(exports, name, &len);
    check(gmlayer_model_init(&model, bytes, len) == GMLAYER_STATUS_OK, name);
    check(gmlayer_model_sizes(&model).inputs == INPUTS && gmlayer_model_sizes(&model).outputs == OUTPUTS &&
              gmlayer_model_sizes(&model).components == sizes.components, "sizes");
    uint32_t got = classify(&model, stored, stored_len, &errors);
    printf("%s: %zu errors, scores %08x\n", name, errors, (unsigned)got);
    check(got == want, "the scores of the model in bytes");
    check(classify(arrays, stored, stored_len, &errors) == want, "the scores of the model in arrays");

    check(gmlayer_model_init(&model, bytes, len - 1) == GMLAYER_STATUS_DAMAGED, "a model cut off");
    bytes[len / 2] ^= 1;
    check(gmlayer_model_init(&model, bytes, len) == GMLAYER_STATUS_DAMAGED, "a damaged model");
    bytes[8] = 9;
    check(gmlayer_model_init(&model, bytes, len) == GMLAYER_STATUS_VERSION, "another version");
    bytes[0] = 0;
    check(gmlayer_model_init(&model, bytes, len) == GMLAYER_STATUS_NO_MODEL, "no model");
    check(gmlayer_model_init(&model, NULL, len) == GMLAYER_STATUS_POINTER, "no bytes");
    check(gmlayer_model_init(NULL, bytes, len) != GMLAYER_STATUS_OK, "no place for a model");
    free(bytes);
}

static void train(const unsigned char *samples, size_t len, const char *expected)
{
    static float parameters[sizeof start_parameters / sizeof *start_parameters];
    static float scratch[4 * INPUTS + OUTPUTS];
    const struct gmlayer_diagonal layer = {sizes, parameters};
    const struct gmlayer_diagonal_rates rates = {0.02f, 0.1f, 0.02f, 0.02f};
    const size_t scratch_len = gmlayer_diagonal_scratch_floats(sizes), count = gmlayer_diagonal_parameters(sizes);
    float x[INPUTS], y[OUTPUTS], g[OUTPUTS], loss;
    check(count == sizeof parameters / sizeof *parameters, "the number of parameters");
    check(scratch_len == sizeof scratch / sizeof *scratch, "the size of the layer's scratch");
    memcpy(parameters, start_parameters, sizeof parameters);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        float sum = 0, samples_seen = 0;
        for (size_t at = 0; at + SAMPLE <= len; at += SAMPLE) {
            size_t label = pixels(samples + at, x);
            check(gmlayer_diagonal_forward(&layer, x, y, scratch, scratch_len) == GMLAYER_STATUS_OK, "the layer forward");
            check(gmlayer_cross_entropy(y, OUTPUTS, label, g, &loss) == GMLAYER_STATUS_OK, "cross-entropy");
            check(gmlayer_diagonal_step(&layer, x, g, rates, scratch, scratch_len) == GMLAYER_STATUS_OK, "a step");
            sum += loss;
            samples_seen += 1;
        }
        printf("loss %f\n", (double)(sum / samples_seen));
    }
    uint32_t got = ~checksum(0xffffffff, parameters, count);
    printf("parameters %08x\n", (unsigned)got);
    check(got == (uint32_t)strtoul(expected, NULL, 16), "the parameters after training");

    float untouched[2] = {7, 7};
    loss = 7;
    check(gmlayer_cross_entropy(y, 2, 1, untouched, NULL) == GMLAYER_STATUS_POINTER, "no place for a loss");
    check(gmlayer_cross_entropy(y, 2, 2, untouched, &loss) == GMLAYER_STATUS_RANGE, "a label out of two");
    check(gmlayer_cross_entropy(NULL, 2, 1, untouched, &loss) == GMLAYER_STATUS_POINTER, "no scores");
    check(gmlayer_cross_entropy(y, 2, 1, NULL, &loss) == GMLAYER_STATUS_POINTER, "no gradient");
    check(gmlayer_cross_entropy(y, 0, 0, untouched, &loss) == GMLAYER_STATUS_SIZE, "no classes");
    check(untouched[0] == 7 && untouched[1] == 7 && loss == 7, "an error has written nothing");

    const struct gmlayer_diagonal nothing = {sizes, NULL}, empty = {{0, 1, 1}, parameters};
    check(gmlayer_diagonal_forward(NULL, x, y, scratch, scratch_len) == GMLAYER_STATUS_POINTER, "no layer");
    check(gmlayer_diagonal_step(&nothing, x, g, rates, scratch, scratch_len) == GMLAYER_STATUS_POINTER, "no parameters");
    check(gmlayer_diagonal_step(&empty, x, g, rates, scratch, scratch_len) == GMLAYER_STATUS_SIZE, "no inputs");
    check(gmlayer_diagonal_step(&layer, x, g, rates, scratch, scratch_len - 1) == GMLAYER_STATUS_SCRATCH, "too little scratch");
    check(gmlayer_cross_entropy(y, OUTPUTS, OUTPUTS, g, &loss) == GMLAYER_STATUS_RANGE, "a label out of range");
    check(gmlayer_diagonal_parameters(empty.sizes) == 0 && gmlayer_diagonal_scratch_floats(empty.sizes) == 0, "sizes of nothing");
}

/* A model that was never made, and what can be asked of the library itself. */
static void nothing_made(void)
{
    static struct gmlayer_model zeros, wrong;
    float x[INPUTS] = {0}, y[OUTPUTS], scratch[4 * INPUTS];
    memset(&wrong, 0xff, sizeof wrong);
    y[0] = 7;
    check(gmlayer_model_forward(&zeros, x, y, scratch, 4 * INPUTS) == GMLAYER_STATUS_NO_MODEL, "a model of zeros");
    check(gmlayer_model_forward(&wrong, x, y, scratch, 4 * INPUTS) == GMLAYER_STATUS_NO_MODEL, "a model of ones");
    check(gmlayer_model_scratch_floats(&zeros) == 0 && gmlayer_model_sizes(&zeros).inputs == 0, "sizes of zeros");
    check(gmlayer_model_init(&zeros, NULL, 8) == GMLAYER_STATUS_POINTER, "no bytes");
    check(gmlayer_model_forward(&zeros, x, y, scratch, 4 * INPUTS) == GMLAYER_STATUS_NO_MODEL, "a failed beginning");
    check(y[0] == 7, "nothing is written");

    for (int status = GMLAYER_STATUS_OK; status <= GMLAYER_STATUS_RANGE; status++) {
        check(strlen(gmlayer_status_text(status)) > 8, "a status has a text");
        check(strcmp(gmlayer_status_text(status), gmlayer_status_text(-1)) != 0, "a text of its own");
    }
    check(strcmp(gmlayer_status_text(GMLAYER_STATUS_SCRATCH), "the scratch is too small") == 0, "the text of a status");
    check(strcmp(gmlayer_status_text(-1), gmlayer_status_text(1 << 30)) == 0, "no status");
    check(strcmp(gmlayer_version(), VERSION) == 0, "the version");
}

int main(int argc, char **argv)
{
    struct gmlayer_model f32, f16, i8;
    size_t stored_len, samples_len;
    if (argc != 7)
        return 2;
    unsigned char *stored = contents(argv[1], "stored.bin", &stored_len);
    unsigned char *samples = contents(argv[1], "samples.bin", &samples_len);
    check(gmlayer_model_init_diagonal_f32(&f32, sizes, model_f32_a, model_f32_mu, model_f32_variance, model_f32_w) ==
              GMLAYER_STATUS_OK, "arrays in f32");
    check(gmlayer_model_init_diagonal_f16(&f16, sizes, model_f16_a, model_f16_mu, model_f16_variance, model_f16_w) ==
              GMLAYER_STATUS_OK, "arrays in f16");
    check(gmlayer_model_init_diagonal_i8(&i8, sizes, model_i8_a, model_i8_w_scales, model_i8_mu_scales,
                                         model_i8_variance_scales, model_i8_mu, model_i8_variance, model_i8_w) ==
              GMLAYER_STATUS_OK, "arrays in i8");
    check(gmlayer_model_init_diagonal_f32(&f32, sizes, NULL, model_f32_mu, model_f32_variance, model_f32_w) ==
              GMLAYER_STATUS_POINTER, "a missing array");
    gmlayer_model_init_diagonal_f32(&f32, sizes, model_f32_a, model_f32_mu, model_f32_variance, model_f32_w);
    one_precision("model_f32.bin", &f32, argv[2], stored, stored_len, argv[3]);
    one_precision("model_f16.bin", &f16, argv[2], stored, stored_len, argv[4]);
    one_precision("model_i8.bin", &i8, argv[2], stored, stored_len, argv[5]);
    train(samples, samples_len, argv[6]);
    nothing_made();
    if (failures == 0)
        puts("C computes the bits of Rust");
    return failures != 0;
}
