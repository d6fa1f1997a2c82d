"""The story changes one thing at a time."""

import re
from pathlib import Path

import ladder
import pytest

from handmlp import Recipe
from handmlp.book import story

STEPS = list(zip(story.STORY, story.STORY[1:]))


def test_it_starts_in_2015():
    assert story.STORY[0] == story.BASELINE == Recipe()


@pytest.mark.parametrize(("before", "after"), STEPS, ids=lambda recipe: repr(recipe)[7:-1])
def test_each_step_changes_one_thing_and_at_most_the_learning_rate_with_it(before, after):
    changed = set(after.changes_from(before)) - {"learning_rate"}
    assert len(changed) == 1, after.change_from(before)


def test_no_step_is_forgotten():
    named = [value for value in vars(story).values() if isinstance(value, Recipe)]
    assert list(story.STORY) == named
    assert len(set(named)) == len(named)


def test_the_picture_in_the_readme_shows_the_record():
    says = [re.search('aria-label="(.*?)"', text)[1] for text in
            (ladder.drawing(), Path(ladder.BOOK, "assets", "ladder.svg").read_text("utf-8"))]
    assert says[0] == says[1]
