"""What template.yaml promises and the emulator cannot show: roles, limits, retention, alarms, parameters."""

import json
import re
from typing import Any

import pytest

from local.deploying.template_rules import check
from tests.support.template import (
    FUNCTIONS,
    PARAMETERS,
    RESOURCES,
    ROOT,
    STATE_MACHINE,
    TEMPLATE,
    TEXT,
    expanded,
    keeper_container,
    of_type,
    properties,
    variables,
)

API_GATEWAY_LIMIT_S = 29  # integration timeout of a WebSocket API
EXPRESS_LIMIT_S = 300  # Express executions end after five minutes


def roles() -> dict[str, dict[str, Any]]:
    return {n: r["Properties"] for n, r in expanded()["Resources"].items() if r["Type"] == "AWS::IAM::Role"}


def statements() -> list[tuple[str, dict[str, Any]]]:
    """Every statement of every role, with the role's name; also those that only one platform needs."""
    return [
        (name, statement["Fn::If"][1] if "Fn::If" in statement else statement)
        for name, role in roles().items()
        for policy in role.get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
    ]


class TestPermissions:
    def test_each_names_one_action(self) -> None:
        several = [(role, s) for role, s in statements() if not isinstance(s["Action"], str) or "*" in s["Action"]]
        assert several == []

    def test_all_resources_only_where_aws_knows_no_resource(self) -> None:
        """Traces, and the log delivery of a state machine, take none (AWS: "Logging using CloudWatch Logs")."""
        unbounded = {(role, s["Action"].split(":")[0]) for role, s in statements() if s["Resource"] == "*"}
        assert unbounded == {("TypingBurstRole", "logs"), ("TypingBurstRole", "xray")}

    def test_wildcards_within_a_resource_stand_for_connections_or_the_senders_versions(self) -> None:
        wild = {
            json.dumps(s["Resource"])
            for _, s in statements()
            if "*" in json.dumps(s["Resource"]) and s["Resource"] != "*"
        }
        allowed = re.compile(r"/live/(POST|GET|DELETE)/@connections/\*\"}$|^{\"Fn::Sub\": \"\${Sender\.Arn}:\*\"}$")
        assert [resource for resource in wild if not allowed.search(resource)] == []

    def test_each_has_its_reason_above_it(self) -> None:
        """Whom a role trusts is said by its description."""
        lines = TEXT.splitlines()
        bare = [
            number + 1
            for number, line in enumerate(lines)
            if "Effect: Allow" in line
            and "sts:AssumeRole" not in line + lines[number + 1]
            and 'Resource: "*" }' not in line  # one reason for all of a service
            and not lines[number - (3 if lines[number - 1].strip() in ("- IsDigitalFirst", "- CallsCxone") else 1)]
            .strip()
            .startswith("# ")
        ]
        assert bare == []

    def test_services_take_on_roles_for_this_account_only(self) -> None:
        """The confused deputy. AWS documents no condition for Lambda; CodeDeploy's role is SAM's own."""
        trusting = {}
        for role in roles().values():
            (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
            (service,) = (
                [trust["Principal"]["Service"]]
                if isinstance(trust["Principal"]["Service"], str)
                else trust["Principal"]["Service"]
            )
            trusting.setdefault(service.split(".")[0], []).append(trust.get("Condition"))
        bound = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        assert trusting.pop("lambda") == [None] * len(FUNCTIONS)
        assert trusting.pop("codedeploy") == [None]
        assert trusting == {"ecs-tasks": [bound, bound], "states": [bound], "scheduler": [bound]}

    def test_arns_name_no_partition(self) -> None:
        """China and GovCloud have partitions of their own."""
        assert re.findall(r"arn:aws\b[^\[]", TEXT + json.dumps(STATE_MACHINE)) == []

    def test_managed_policies_are_those_for_logs_traces_images_and_shifting(self) -> None:
        managed = {
            json.dumps(arn).split("policy/")[-1].strip('"}]')
            for r in roles().values()
            for arn in r.get("ManagedPolicyArns", [])
        }
        assert managed == {
            "service-role/AWSLambdaBasicExecutionRole",
            "service-role/AmazonECSTaskExecutionRolePolicy",
            "service-role/AWSCodeDeployRoleForLambda",
        }

    def test_the_state_machine_and_the_schedule_may_do_what_they_do(self) -> None:
        """The emulator asks neither role; integration/test_permissions.py proves all others.

        Traces: AWS, "AWS X-Ray and Step Functions". Log delivery: AWS, "Logging using CloudWatch Logs".
        """
        by_role = {role: [s for name, s in statements() if name == role] for role, _ in statements()}
        machine = {s["Action"]: s["Resource"] for s in by_role["TypingBurstRole"]}
        called = [s["Resource"] for s in STATE_MACHINE["States"].values() if s["Type"] == "Task"]
        assert called == ["arn:${Partition}:states:::lambda:invoke"]
        assert machine.pop("lambda:InvokeFunction") == {"Fn::Sub": "${Sender.Arn}:*"}
        traces = {"PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets"}
        logs = {f"{verb}LogDelivery" for verb in ("Create", "Get", "Update", "Delete")}
        logs |= {"ListLogDeliveries", "PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"}
        assert machine.keys() == {f"xray:{action}" for action in traces} | {f"logs:{action}" for action in logs}
        [schedule] = [r["Properties"] for r in expanded()["Resources"].values() if r["Type"].endswith("::Schedule")]
        [sweeps] = by_role["SweeperScheduleRole"]
        assert (sweeps["Action"], sweeps["Resource"]) == ("lambda:InvokeFunction", schedule["Target"]["Arn"])

    @pytest.mark.parametrize("function", ["Authorizer", "Connection", "Keystroke", "Sweeper"])
    def test_only_sender_and_keeper_may_read_the_cxone_credentials(self, function: str) -> None:
        policies = json.dumps(properties(function)["Policies"])
        assert "CxoneSecret" not in policies
        assert "CXONE_SECRET_ARN" not in variables(function)


class TestFunctions:
    def test_are_the_six_of_the_design(self) -> None:
        assert sorted(of_type("AWS::Serverless::Function")) == FUNCTIONS

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_end_in_time(self, function: str) -> None:
        """Each Timeout is set, and lies within the limit of whoever waits for it."""
        limits = {"Sender": STATE_MACHINE["States"]["Reconcile"]["TimeoutSeconds"], "Sweeper": 60}
        assert properties(function)["Timeout"] < limits.get(function, API_GATEWAY_LIMIT_S)

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_log_to_a_group_of_their_own_that_forgets(self, function: str) -> None:
        group = properties(function)["LoggingConfig"]["LogGroup"]["Ref"]
        assert group == f"{function}Logs"
        assert properties(group)["RetentionInDays"] == {"Ref": "LogRetentionDays"}

    def test_log_json_without_a_line_for_each_call(self) -> None:
        """Lambda takes lines without a level, such as metrics, for INFO; a higher filter would drop them."""
        logging = TEMPLATE["Globals"]["Function"]["LoggingConfig"]
        assert (logging["LogFormat"], logging["SystemLogLevel"]) == ("JSON", "WARN")
        assert logging["ApplicationLogLevel"] == {"Fn::If": ["LogsAll", "DEBUG", "INFO"]}
        assert TEMPLATE["Conditions"]["LogsAll"] == {"Fn::Equals": [{"Ref": "LogLevel"}, "DEBUG"]}

    def test_run_on_the_runtime_that_the_layer_is_built_for(self) -> None:
        runtime = TEMPLATE["Globals"]["Function"]
        layer = properties("TypingRelayLayer")
        assert [runtime["Runtime"]] == layer["CompatibleRuntimes"]
        assert runtime["Architectures"] == layer["CompatibleArchitectures"]

    def test_are_told_every_setting_that_the_code_reads(self) -> None:
        """AWS's own, by which its clients are set up, are Lambda's and ECS's to give."""
        sources = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "layers").rglob("*.py")]
        asked = re.compile(r'(?:setting\(|number\(|environ(?:\.get\(|\[))"([A-Z_]+)"')
        read = {name for source in sources for name in asked.findall(source.read_text())}
        told = {name for function in FUNCTIONS for name in variables(function)}
        told |= {variable["Name"] for variable in keeper_container()["Environment"]}
        assert {name for name in read - told if not name.startswith("AWS_")} == set()

    def test_the_layer_brings_no_python_folder_of_its_own(self) -> None:
        """SAM's build makes it; one inside ContentUri would end up as python/python."""
        assert not (ROOT / properties("TypingRelayLayer")["ContentUri"] / "python").exists()


#: Properties by which a resource is named by us and not by CloudFormation.
NAMING = re.compile(
    r"^(Name|Family|(Layer|Function|Role|Table|Queue|Topic|Dashboard|LogGroup|Alarm|Cluster|Service)Name)$"
)


#: Their names are unique, or said again, within a function, an API, a state machine.
NAMED_WITHIN_ANOTHER = (
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
    "AWS::Lambda::Alias",
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::StepFunctions::StateMachineAlias",
    "AWS::EC2::VPCEndpoint",  # says which service of AWS's it leads to
)


class TestTwoStacks:
    """In one account, of one region or of two: nothing that one of them names, writes or watches is the other's."""

    def test_every_name_carries_the_stacks(self) -> None:
        named = {
            f"{name}.{key}": json.dumps(value)
            for name, resource in expanded()["Resources"].items()
            for key, value in resource.get("Properties", {}).items()
            if NAMING.match(key) and resource["Type"] not in NAMED_WITHIN_ANOTHER
        }
        assert len(named) > 8
        assert [key for key, value in named.items() if "AWS::StackName" not in value] == []

    def test_the_sweepers_schedule_is_named_by_cloudformation(self) -> None:
        """SAM names a schedule by function and event alone, and schedules share a group of the account."""
        [schedule] = [r for r in expanded()["Resources"].values() if r["Type"] == "AWS::Scheduler::Schedule"]
        assert "Name" not in schedule["Properties"]

    def test_the_dashboard_is_named_by_its_region_too(self) -> None:
        """CloudWatch's dashboards are the account's, not the region's."""
        assert "${AWS::Region}" in properties("Dashboard")["DashboardName"]["Fn::Sub"]

    def test_every_metric_of_ours_is_in_the_stacks_own_namespace(self) -> None:
        """Else two stacks would alarm and scale on each other's figures."""
        namespaces = re.findall(r"\bTypingRelay\b[^\"']*", TEXT)
        assert len(namespaces) > 20
        assert set(namespaces) == {"TypingRelay/${AWS::StackName}"}


class TestApi:
    def test_routes_are_those_of_the_contract(self) -> None:
        frames = {"hello", "keystroke", "stop", "ping", "message", "$default"}
        routes = {
            route: to["FunctionArn"]["Ref"].split(".")[0] for route, to in properties("WebSocketApi")["Routes"].items()
        }
        assert routes == dict.fromkeys(frames, "Keystroke") | {"$connect": "Connection", "$disconnect": "Connection"}

    def test_a_domain_of_ones_own_leads_to_the_stage(self) -> None:
        mapping, domain = properties("ApiDomainMapping"), properties("ApiDomain")
        assert (mapping["ApiId"], mapping["Stage"]) == ({"Ref": "WebSocketApi"}, {"Ref": "WebSocketApiliveStage"})
        assert "WebSocketApiliveStage" in expanded()["Resources"]
        assert domain["DomainNameConfigurations"][0]["SecurityPolicy"] == "TLS_1_2"
        assert {RESOURCES[n]["Condition"] for n in ("ApiDomain", "ApiDomainMapping")} == {"HasDomain"}

    def test_where_the_default_endpoint_is_closed_connections_are_posted_to_at_the_domain(self) -> None:
        """API Gateway then answers calls of @connections at the default one with 403."""
        closed = {"Fn::If": ["ClosesDefaultEndpoint", True, {"Ref": "AWS::NoValue"}]}
        assert properties("WebSocketApi")["DisableExecuteApiEndpoint"] == closed
        told = [variables(function).get("CONNECTIONS_URL") for function in FUNCTIONS]
        told += [v["Value"] for v in keeper_container()["Environment"] if v["Name"] == "CONNECTIONS_URL"]
        at_the_domain = {"Fn::Sub": "https://${ApiDomainName}"}
        assert [url["Fn::If"][:2] for url in told if url] == [["ClosesDefaultEndpoint", at_the_domain]] * 5

    def test_no_metrics_by_route_are_paid_for(self) -> None:
        api = properties("WebSocketApi")
        every = [api["DefaultRouteSettings"], *api["RouteSettings"].values()]
        assert [settings["DetailedMetricsEnabled"] for settings in every] == [False] * len(every)

    def test_connecting_takes_the_authorizer_wherever_the_token_is(self) -> None:
        """T13. An identity source would refuse handshakes that carry the token elsewhere."""
        route = expanded()["Resources"]["WebSocketApiConnectRoute"]["Properties"]
        authorizer = expanded()["Resources"][route["AuthorizerId"]["Ref"]]["Properties"]
        assert route["AuthorizationType"] == "CUSTOM"
        assert authorizer["IdentitySource"] == []

    def test_connections_and_frames_are_throttled(self) -> None:
        api = properties("WebSocketApi")
        assert api["RouteSettings"]["$connect"]["ThrottlingRateLimit"] == {"Ref": "ConnectRateLimit"}
        assert api["DefaultRouteSettings"]["ThrottlingRateLimit"] == {"Ref": "MessageRateLimit"}


class TestStateMachine:
    def test_is_express_and_ends_itself_before_the_express_limit(self) -> None:
        assert properties("TypingBurst")["Type"] == "EXPRESS"
        assert STATE_MACHINE["TimeoutSeconds"] < EXPRESS_LIMIT_S

    def test_is_the_loop_of_the_design(self) -> None:
        states = STATE_MACHINE["States"]
        assert list(states) == ["Reconcile", "Settled?", "Wait", "Done"]
        assert (states["Reconcile"]["Next"], states["Settled?"]["Default"], states["Wait"]["Next"]) == (
            "Settled?",
            "Wait",
            "Reconcile",
        )

    def test_calls_a_sender_that_died_again(self) -> None:
        """T4: in a second, not at the sweeper's next minute. T6 stands: the lock of a POST is in the record."""
        [retry] = STATE_MACHINE["States"]["Reconcile"]["Retry"]
        assert retry["ErrorEquals"] == ["States.ALL"]

    def test_finds_every_substitution(self) -> None:
        placeholders = set(re.findall(r"\$\{(\w+)\}", json.dumps(STATE_MACHINE)))
        assert placeholders == set(properties("TypingBurst")["DefinitionSubstitutions"])

    def test_logs_no_session_ids(self) -> None:
        assert properties("TypingBurst")["Logging"]["IncludeExecutionData"] is False


class TestStores:
    @pytest.mark.parametrize("table", ["SessionsTable", "CxoneStateTable"])
    def test_tables_expire_are_encrypted_and_pay_by_request(self, table: str) -> None:
        """T11 rests on expires_at; TTL only clears away."""
        declared = properties(table)
        assert declared["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
        assert declared["SSESpecification"] == {"SSEEnabled": True}
        assert declared["BillingMode"] == "PAY_PER_REQUEST"

    def test_the_sweepers_index_carries_keys_only(self) -> None:
        (index,) = properties("SessionsTable")["GlobalSecondaryIndexes"]
        assert [key["AttributeName"] for key in index["KeySchema"]] == ["sweep_shard", "lease_until"]
        assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}

    def test_a_guest_of_a_dead_keeper_is_taken_over_after_thirty_seconds(self) -> None:
        told = {variable["Name"]: variable["Value"] for variable in keeper_container()["Environment"]}
        assert properties("GuestQueue")["VisibilityTimeout"] == int(told["KEEPER_VISIBILITY_SECONDS"]) == 30

    def test_a_held_guest_outlives_every_session(self) -> None:
        """A message is held as long as its guest: retention must not end it."""
        assert properties("GuestQueue")["MessageRetentionPeriod"] > PARAMETERS["SessionTtlSeconds"]["MaxValue"]

    def test_poison_messages_reach_the_dead_letter_queue_and_an_alarm(self) -> None:
        redrive = properties("GuestQueue")["RedrivePolicy"]
        assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["GuestDeadLetters", "Arn"]}
        assert properties("GuestsDead")["Dimensions"][0]["Value"] == {"Fn::GetAtt": ["GuestDeadLetters", "QueueName"]}

    def test_no_secret_is_a_parameter_or_an_environment_variable(self) -> None:
        told = {name for function in FUNCTIONS for name in variables(function)} | set(PARAMETERS)
        assert [
            name for name in told if re.search("(?i)secret|password|credential", name) and not name.endswith("_ARN")
        ] == []

    @pytest.mark.parametrize("queue", ["GuestQueue", "GuestDeadLetters"])
    def test_queues_are_encrypted_and_refuse_whoever_comes_without_tls(self, queue: str) -> None:
        (statement,) = properties("QueuesByTls")["PolicyDocument"]["Statement"]
        assert properties(queue)["SqsManagedSseEnabled"] is True
        assert {"Ref": queue} in properties("QueuesByTls")["Queues"]
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "sqs:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

    def test_the_alarm_topic_is_for_alarms_of_this_account_and_by_tls(self) -> None:
        allow, deny = properties("AlarmTopicPolicy")["PolicyDocument"]["Statement"]
        assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})

    def test_what_becomes_of_tables_and_secrets_is_said(self) -> None:
        """cfn-lint's W3011 is off, as SAM hands a function's policies on; here nothing is left to a default."""
        said = {
            name: (r.get("DeletionPolicy"), r.get("UpdateReplacePolicy"))
            for name, r in RESOURCES.items()
            if r["Type"] in ("AWS::DynamoDB::Table", "AWS::SecretsManager::Secret")
        }
        assert said == {
            "SessionsTable": ("Delete", "Delete"),
            "KeepersTable": ("Delete", "Delete"),
            "MessagesTable": ("Delete", "Delete"),
            "CxoneStateTable": ("Delete", "Delete"),
            "CxoneSecret": ("Delete", "Retain"),
            "VisitorSecret": ("Delete", "Retain"),
        }


class TestKeeper:
    def test_has_a_file_descriptor_for_each_guest(self) -> None:
        (limit,) = keeper_container()["Ulimits"]
        assert limit["Name"] == "nofile"
        assert limit["SoftLimit"] > PARAMETERS["KeeperMaxGuests"]["MaxValue"]

    def test_asks_for_no_more_file_descriptors_than_fargate_allows(self) -> None:
        """The hard limit of nofile on Fargate (AWS: ECS API reference, Ulimit)."""
        (limit,) = keeper_container()["Ulimits"]
        assert limit["SoftLimit"] <= limit["HardLimit"] <= 65_535

    def test_cannot_write_its_own_disk(self) -> None:
        assert keeper_container()["ReadonlyRootFilesystem"] is True

    def test_has_no_powers_of_root(self) -> None:
        assert keeper_container()["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}

    def test_has_time_to_hand_its_guests_back(self) -> None:
        """Fargate kills after StopTimeout, at most 120 s."""
        assert 10 <= keeper_container()["StopTimeout"] <= 120

    def test_is_asked_for_its_health_by_a_module_that_exists(self) -> None:
        module = keeper_container()["HealthCheck"]["Command"][-1]
        assert (ROOT / "layers/typing_relay" / f"{module.replace('.', '/')}.py").exists()

    def test_lets_nobody_in_and_goes_out_by_tls_and_to_dns_servers_only(self) -> None:
        """Amazon's resolver needs no rule; a VPC's own DNS servers do."""
        group = properties("KeeperSecurityGroup")
        assert "SecurityGroupIngress" not in group
        ports = [(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in group["SecurityGroupEgress"]]
        assert ports == [("tcp", 443, 443), ("udp", 53, 53), ("tcp", 53, 53)]

    def test_a_bad_deployment_rolls_itself_back(self) -> None:
        breaker = properties("KeeperService")["DeploymentConfiguration"]["DeploymentCircuitBreaker"]
        assert breaker == {"Enable": True, "Rollback": True}

    def test_alarms_of_keepers_take_a_deployment_back(self) -> None:
        alarms = properties("KeeperService")["DeploymentConfiguration"]["Alarms"]
        assert alarms["Rollback"] is True
        assert alarms["Enable"] == {"Fn::If": ["RollsBackByAlarms", True, False]}
        assert {RESOURCES[alarm["Ref"]]["Condition"] for alarm in alarms["AlarmNames"]} == {"RunsKeeper"}

    def test_is_left_out_where_there_is_no_image_yet(self) -> None:
        conditions = {n: r.get("Condition") for n, r in RESOURCES.items() if "::ECS::" in r["Type"]}
        assert conditions == {"KeeperTask": "HasKeeper", "KeeperCluster": "RunsKeeper", "KeeperService": "RunsKeeper"}


class TestTablesEndpoint:
    """A way to DynamoDB past the NAT gateway, where the VPC is ours to add to."""

    def test_is_made_only_where_route_tables_are_given_and_a_keeper_runs(self) -> None:
        assert RESOURCES["KeeperTablesEndpoint"]["Condition"] == "RoutesToTables"
        runs, has_tables = TEMPLATE["Conditions"]["RoutesToTables"]["Fn::And"]
        assert runs == {"Condition": "RunsKeeper"}
        assert has_tables == {"Fn::Not": [{"Fn::Equals": [{"Ref": "RouteTableIds"}, ""]}]}
        assert PARAMETERS["RouteTableIds"]["Default"] == ""

    def test_is_a_gateway_which_costs_nothing(self) -> None:
        endpoint = properties("KeeperTablesEndpoint")
        assert endpoint["VpcEndpointType"] == "Gateway"
        assert endpoint["RouteTableIds"] == {"Fn::Split": [",", {"Ref": "RouteTableIds"}]}

    @pytest.mark.parametrize(("ids", "is_taken"), [("", True), ("rtb-0a,rtb-0b", True), ("rtb-0a, rtb-0b", False)])
    def test_tables_are_given_by_id_and_separated_by_commas_alone(self, ids: str, is_taken: bool) -> None:
        assert bool(re.fullmatch(PARAMETERS["RouteTableIds"]["AllowedPattern"], ids)) is is_taken

    def test_tables_without_a_vpc_are_refused(self) -> None:
        refused = [finding.text for finding in check(TEMPLATE, {"CxoneOrgId": "acme", "RouteTableIds": "rtb-0a"})]
        assert "RouteTableIds needs VpcId." in refused

    def test_lets_through_what_the_keepers_role_may_do_and_nothing_else(self) -> None:
        (allowed,) = properties("KeeperTablesEndpoint")["PolicyDocument"]["Statement"]
        of_keeper = [s for role, s in statements() if role == "KeeperRole" and s["Action"].startswith("dynamodb:")]
        assert sorted(allowed["Action"]) == sorted({s["Action"] for s in of_keeper})
        resources = [r["Fn::If"][1] if "Fn::If" in r else r for r in allowed["Resource"]]
        assert sorted(map(json.dumps, resources)) == sorted({json.dumps(s["Resource"]) for s in of_keeper})
        assert allowed["Condition"] == {"ArnEquals": {"aws:PrincipalArn": {"Fn::GetAtt": ["KeeperRole", "Arn"]}}}


def test_the_dashboard_is_json_about_resources_of_this_template() -> None:
    body, owner = properties("Dashboard")["DashboardBody"]["Fn::Sub"]
    named = set(re.findall(r"\$\{(\w+)", body)) - {"AWS"} - owner.keys()
    assert named <= set(RESOURCES)
    assert json.loads(re.sub(r"\$\{[^}]+\}", "x", body))["widgets"]


class TestParameters:
    @pytest.mark.parametrize("name", PARAMETERS)
    def test_each_is_described_and_grouped(self, name: str) -> None:
        groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        assert PARAMETERS[name]["Description"]
        assert sum(name in group["Parameters"] for group in groups) == 1

    @pytest.mark.parametrize("name", [name for name, p in PARAMETERS.items() if p["Type"] == "Number"])
    def test_each_number_has_bounds_around_its_default(self, name: str) -> None:
        parameter = PARAMETERS[name]
        low, high = parameter.get("MinValue"), parameter.get("MaxValue")
        assert parameter["Default"] in parameter.get("AllowedValues", ()) or low <= parameter["Default"] <= high

    def test_a_debounce_below_two_seconds_is_refused(self) -> None:
        assert PARAMETERS["DebounceMs"]["MinValue"] == 2000

    def test_a_hold_is_longer_than_any_debounce(self) -> None:
        """T2: else a stop of the client's would come after the end of its key's hold."""
        assert PARAMETERS["HoldMs"]["MinValue"] > PARAMETERS["DebounceMs"]["MaxValue"]

    def test_heartbeats_come_within_the_debounce(self) -> None:
        """T3: the next frame of somebody who types on must arrive before the quiet time ends."""
        assert PARAMETERS["HeartbeatMs"]["MaxValue"] < PARAMETERS["DebounceMs"]["MinValue"]

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "https://acme.api.nicecxone.com",
            "https://proxy.example:8443/cxone",
            "http://127.0.0.1:9000",
            "http://localhost",
        ],
    )
    def test_cxone_is_reached_by_tls_or_on_this_machine(self, url: str) -> None:
        assert re.fullmatch(PARAMETERS["CxoneBaseUrl"]["AllowedPattern"], url)

    @pytest.mark.parametrize(
        "url",
        [
            "http://acme.api.nicecxone.com",
            "http://127.0.0.1.evil.example",
            "https://user:pw@acme.example",
            "https://a.example?x=1",
            "acme",
        ],
    )
    def test_any_other_cxone_is_refused(self, url: str) -> None:
        assert not re.fullmatch(PARAMETERS["CxoneBaseUrl"]["AllowedPattern"], url)


def test_outputs_name_what_others_connect_to() -> None:
    assert {"WebSocketUrl", "StateMachineArn", "SessionsTableName", "GuestQueueUrl", "VisitorSecretArn"} <= set(
        TEMPLATE["Outputs"]
    )
