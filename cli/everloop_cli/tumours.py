"""A model's data of numbers alone: 569 tumours of the breast, as CSV drops.

From scikit-learn, which brings UCI's "Breast Cancer Wisconsin (Diagnostic)".
"""

from collections.abc import Iterator

_DROPS = 3


def drops() -> Iterator[tuple[str, bytes]]:
    """Yield (file name, CSV with header) for each third of the cases."""
    import pandas as pd
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    cases = pd.DataFrame(
        found.data, columns=[name.replace(" ", "_") for name in found.feature_names]
    )
    cases.insert(0, "case", [f"c{number:03d}" for number in range(len(cases))])
    cases["malignant"] = 1 - found.target  # there, 1 is benign
    size = -(-len(cases) // _DROPS)
    for drop in range(_DROPS):
        part = cases.iloc[drop * size : (drop + 1) * size]
        yield f"tumours-{drop + 1}.csv", part.to_csv(index=False).encode()
