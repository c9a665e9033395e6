"""A model's data of several classes: 1,797 handwritten digits of 8 x 8 grey values, as CSV drops.

From scikit-learn, which brings the test set of UCI's "Optical Recognition of Handwritten Digits".
"""

from collections.abc import Iterator

_DROPS = 3


def drops() -> Iterator[tuple[str, bytes]]:
    """Yield (file name, CSV with header) for each third of the images."""
    import pandas as pd
    from sklearn.datasets import load_digits

    found = load_digits()
    names = [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]
    images = pd.DataFrame(found.data.astype(int), columns=names)
    images.insert(0, "image", [f"i{number:04d}" for number in range(len(images))])
    images["digit"] = found.target
    size = -(-len(images) // _DROPS)
    for drop in range(_DROPS):
        part = images.iloc[drop * size : (drop + 1) * size]
        yield f"digits-{drop + 1}.csv", part.to_csv(index=False).encode()
