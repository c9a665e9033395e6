"""A model's data of a rare class: card payments of which one in sixty is fraud, as CSV drops.

Made, not observed: scikit-learn's `make_classification` with a fixed seed, so that the same rows
come on every machine. Real payments with their amounts are in no package.
"""

from collections.abc import Iterator

_ROWS = 24_000
_DROPS = 3
_SEED = 20_260
SIGNALS = 8


def drops() -> Iterator[tuple[str, bytes]]:
    """Yield (file name, CSV with header) for each month of payments."""
    import numpy as np
    import pandas as pd
    from sklearn.datasets import make_classification

    signals, fraud = make_classification(
        n_samples=_ROWS,
        n_features=SIGNALS,
        n_informative=6,
        n_redundant=2,
        n_clusters_per_class=2,
        weights=[0.985],
        flip_y=0.002,
        class_sep=1.4,
        random_state=_SEED,
    )
    random = np.random.default_rng(_SEED)
    payments = pd.DataFrame(
        signals.round(4), columns=[f"signal_{number + 1}" for number in range(SIGNALS)]
    )
    payments.insert(0, "payment_id", [f"p{number:06d}" for number in range(_ROWS)])
    # Thieves buy dearer things, and nobody knows an amount before the payment.
    payments["amount"] = (random.lognormal(3.2 + 0.6 * fraud, 0.9)).round(2)
    payments["fraud"] = fraud
    size = _ROWS // _DROPS
    for drop in range(_DROPS):
        part = payments.iloc[drop * size : (drop + 1) * size]
        yield f"payments-{drop + 1}.csv", part.to_csv(index=False).encode()
