"""A Mongoose program beside us, on the database of the test."""

from collections.abc import Iterator

import pytest
from support import mongoose as support
from support.mongoose import Process, Program


@pytest.fixture(scope="session")
def mongoose_process(
    replica_set_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    """A Node process with both versions of Mongoose, which npm installs once in a session."""
    if reason := support.missing():
        pytest.skip(reason)
    modules = tmp_path_factory.mktemp("mongoose")
    support.install(modules)
    process = Process(replica_set_uri, modules)
    yield process
    process.close()


@pytest.fixture(params=[8, 9], ids="mongoose {}".format)
def mongoose(request: pytest.FixtureRequest, mongodb: str, mongoose_process: Process) -> Program:
    """A program with each version of Mongoose on the empty database of the test."""
    return Program(mongoose_process, request.param)
