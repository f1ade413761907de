"""`montage preview`: contact sheets, to look at films without playing them."""

from pathlib import Path

from montage_cli import output
from montage_cli.errors import ExitCode
from montage_cli.names import Name
from montage_cli.running import sheet_name
from montage_cli.session import Session
from montage_cli.text import size


async def preview(session: Session, name: Name, out: Path) -> ExitCode:
    """Bring the sheet of a node, or those of all nodes of a pipeline that have one, to `<out>/<node id>.jpg`."""
    if name.node is not None:
        wanted = [await session.client.get_node(name.node)]
    else:
        wanted = [node async for node in session.client.list_nodes(name.pipeline)]
    drawn = [node for node in wanted if node.output.contact_sheet]
    files = [await session.client.download_sheet(node.name, out / sheet_name(node)) for node in drawn]
    if not session.answer({"files": [str(file) for file in files]}, names=map(str, files)):
        for file in files:
            session.say(f"{file} ({size(file.stat().st_size)})")
    if drawn:
        return ExitCode.DONE
    if name.node is not None:
        session.complain(f"no contact sheet: {name.node} ({output.state_of(wanted[0])}); only a finished film has one")
    else:
        session.complain(f"{name.pipeline} has no finished film")
    return ExitCode.REFUSED
