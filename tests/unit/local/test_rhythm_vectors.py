"""web/rhythm-vectors.json is what the load player's rule says."""

from local.playing.vectors import VECTORS, text, vectors


def test_the_vectors_are_those_of_the_rule() -> None:
    """`python -m local.playing.vectors` writes them again."""
    assert VECTORS.read_text() == text()


def test_each_vector_has_a_name_of_its_own() -> None:
    names = [vector["name"] for vector in vectors()["vectors"]]
    assert len(names) == len(set(names)) >= 20
