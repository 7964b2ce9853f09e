"""Where a version came from, what changed on the way and what it gained."""

from prompts_app.lineage import lineage
from tests.factories.prompts import PromptVersionFactory


def test_a_version_names_its_parents_and_its_tags(live, proven):
    first, second = lineage(live.task)
    assert (first["number"], first["parents"], first["tags"]) == (1, [], ["production"])
    assert (second["number"], second["tags"], second["verdict"]) == (2, [], "confirmed")
    assert [step["number"] for step in second["parents"]] == [1]


def test_a_step_shows_only_what_changed(live):
    text = {**live.artifact, "system": "Answer kindly."}
    PromptVersionFactory(task=live.task, parents=[live], artifact=text)
    step = lineage(live.task)[1]["parents"][0]
    assert "".join(span["text"] for span in step["text"]["system"] if span["op"] != "delete") == (
        "Answer kindly."
    )
    assert step["text"]["user_template"] == []


def test_a_gain_stands_only_beside_the_parent_it_was_measured_against(live, proven):
    other = PromptVersionFactory(task=live.task, parents=[proven])
    by_number = {entry["number"]: entry for entry in lineage(live.task)}
    measured = by_number[proven.number]["parents"][0]["gain"]
    assert measured is None or measured["low"] <= measured["gain"] <= measured["high"]
    assert by_number[other.number]["parents"][0]["gain"] is None


def test_a_long_lineage_is_read_from_its_end_in_pieces(live, monkeypatch):
    monkeypatch.setattr("prompts_app.lineage.LARGEST", 2)
    for _ in range(3):
        PromptVersionFactory(task=live.task, parents=[live])
    numbers = [entry["number"] for entry in lineage(live.task)]
    assert numbers == [3, 4]
    assert [entry["number"] for entry in lineage(live.task, before=numbers[0])] == [1, 2]


def test_the_route_takes_the_lowest_number_already_read(api_client, live):
    place = f"/api/v1/prompts/{live.task.public_id}/lineage"
    assert [entry["number"] for entry in api_client.get(place).json()] == [1]
    assert api_client.get(f"{place}?before=1").json() == []
    for wrong in ("x", "0", "99999999999999999999"):
        assert api_client.get(f"{place}?before={wrong}").status_code == 400
