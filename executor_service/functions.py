"""Wires the functions that are not ours: whom the operator lists, and as whom each is invoked."""

from executor_service.config import ExecutorSettings
from executor_service.executors.invoke_lambda import Function
from executor_service.integrations.aws_lambda import LambdaAddress, LambdaFunctions
from executor_service.integrations.function_map import load_functions
from servicekit.lifecycle import Lifecycle


def own_functions(settings: ExecutorSettings, life: Lifecycle) -> dict[str, Function]:
    """By the operator's names. Functions of one region and role share a client. Raises ConfigError."""
    clients: dict[LambdaAddress, LambdaFunctions] = {}
    functions: dict[str, Function] = {}
    for name, function in load_functions(settings.functions_file, own=settings.media_function).items():
        address = LambdaAddress(
            region=function.region,
            endpoint=settings.lambda_endpoint,
            access_key_file=settings.s3_access_key_file,
            secret_key_file=settings.s3_secret_key_file,
            role=function.role,
            sts_endpoint=settings.sts_endpoint,
        )
        if address not in clients:
            clients[address] = LambdaFunctions(address)
            life.on_stop(clients[address].close)
        functions[name] = (clients[address], function.arn)
    return functions
