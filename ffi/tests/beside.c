/* gmlayer beside a static library of Rust in one program. */
#include <string.h>

#include "../include/gmlayer.h"

int other_catches(void);

int main(void)
{
    const float scores[2] = {0, 0};
    float gradient[2], loss;
    int computes = gmlayer_cross_entropy(scores, 2, 1, gradient, &loss) == GMLAYER_STATUS_OK && gradient[0] == 0.5f;
    return !(computes && strlen(gmlayer_version()) > 0 && other_catches());
}
