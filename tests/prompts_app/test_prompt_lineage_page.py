"""Lineage as a drawing and as a list: which version came from which."""

import shutil

import pytest
from django.core.cache import caches
from django.urls import reverse

from prompts_app import lineage_drawing
from prompts_app.lineage_drawing import draw_lineage
from prompts_app.lineage_graph import Edge, Lineage, Node, common_ancestor, lineage_graph
from prompts_app.lineage_tree import lineage_lines
from tests.factories.prompts import PromptVersionFactory, TagFactory

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")


def node(number):
    return Node(number, (), False, None, None, "none", "", "draft")


def made_of(**parents):
    """Return a lineage from `v3=(1, 2)`: version 3 was made of 1 and 2."""
    of = {int(name[1:]): numbers for name, numbers in parents.items()}
    edges = [Edge(parent, child) for child, numbers in of.items() for parent in numbers]
    return Lineage({number: node(number) for number in sorted(of)}, edges)


def test_a_list_moves_to_the_right_only_where_a_line_branches():
    lineage = made_of(v1=(), v2=(1,), v3=(1,), v4=(2,), v5=(3,))
    lines = [(line.node.number, line.depth) for line in lineage_lines(lineage)]
    assert lines == [(1, 0), (2, 1), (4, 1), (3, 0), (5, 0)]


def test_a_merge_stands_once_and_names_its_parents():
    lines = lineage_lines(made_of(v1=(), v2=(1,), v3=(1,), v4=(2, 3)))
    merge = next(line for line in lines if line.node.number == 4)
    assert [edge.parent for edge in merge.comes_from] == [2, 3]
    assert merge.is_merge
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("numbers", "ancestor"), [((4, 5), 3), ((2, 4), 1), ((3, 5), 3), ((5, 6), 0), ((), 0)]
)
def test_a_merge_is_shown_by_where_its_parents_part(numbers, ancestor):
    parents = {1: [], 2: [1], 3: [1], 4: [3], 5: [3], 6: []}
    assert common_ancestor(numbers, parents) == ancestor


@pytest.mark.django_db
def test_a_long_history_keeps_what_has_a_tag_or_was_live(live, monkeypatch):
    monkeypatch.setattr("prompts_app.lineage_graph.MOST", 4)
    monkeypatch.setattr("prompts_app.lineage_graph.LATEST", 2)
    last = live
    for _ in range(5):
        last = PromptVersionFactory(task=live.task, parents=[last])
    TagFactory(version=live.task.versions.get(number=3), name="staging")
    lineage = lineage_graph(live.task)
    assert list(lineage.nodes) == [1, 3, 5, 6]
    assert lineage.edges == [Edge(1, 3, 1), Edge(3, 5, 1), Edge(5, 6, 0)]
    assert lineage.left_out == 2


@needs_dot
def test_the_drawing_is_made_of_numbers_alone_and_kept(monkeypatch):
    lineage = made_of(v1=(), v2=(1,), v3=(1,), v4=(2, 3))
    drawing = draw_lineage(lineage)
    assert sorted(box.node.number for box in drawing.boxes) == [1, 2, 3, 4]
    assert len(drawing.wires) == 4
    assert set("".join(wire.path for wire in drawing.wires)) <= set("MC0123456789.,- ")
    monkeypatch.setattr(lineage_drawing, "_layout", lambda source: None)
    assert draw_lineage(lineage) == drawing


@pytest.mark.django_db
def test_without_dot_the_list_says_it_all(client, viewer, live, proven, monkeypatch):
    caches["default"].clear()
    monkeypatch.setenv("PATH", "/nowhere")
    client.force_login(viewer)
    page = client.get(reverse("prompts:lineage", args=["support", "triage"])).content.decode()
    assert "<svg width" not in page
    assert 'class="is-depth-0"' in page
    assert reverse("prompts:compare", args=["support", "triage", 1, 2]) in page


@needs_dot
@pytest.mark.django_db
def test_the_page_draws_each_version_and_links_to_it(client, viewer, live, proven):
    client.force_login(viewer)
    page = client.get(reverse("prompts:lineage", args=["support", "triage"])).content.decode()
    assert page.count('<rect class="kz-box') == 2
    assert page.count('<path class="kz-wire') == 1
